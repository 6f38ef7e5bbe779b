// docs/workflow.md is a reference that holds: its examples are valid workflows, and it names every field and default.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { permissionModes } from '../../src/workflow/claude-keys.ts';
import { formatProblems, parseWorkflow } from '../../src/workflow/index.ts';
import { workflowJsonSchema } from '../../src/workflow/json-schema.ts';

const docs = readFileSync(join(import.meta.dirname, '../../docs/workflow.md'), 'utf8');
const examples = [...docs.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);

describe('docs/workflow.md', () => {
  test.each(examples.map((text) => [/^name: (.*)$/m.exec(text)?.[1], text]))('the example %s is valid', (_, text) => {
    const result = parseWorkflow(text!, { file: 'example.yaml' });
    expect(result.ok ? '' : formatProblems(result.problems)).toBe('');
  });

  test('has an example for each part', () => {
    expect(examples.length).toBeGreaterThanOrEqual(8);
  });

  test('names every key that a file may have', () => {
    const keys = new Set<string>();
    JSON.parse(
      JSON.stringify(workflowJsonSchema()),
      (key, value: { properties?: object; additionalProperties?: unknown }) => {
        const isMapping = typeof value === 'object' && value !== null && value.properties !== undefined;
        if (isMapping && key !== 'examples') for (const name of Object.keys(value.properties!)) keys.add(name);
        return value;
      },
    );
    // A key in the example of `jsonSchema`, which does not belong to the workflow.
    keys.delete('verdict');
    expect(keys.size).toBeGreaterThan(45);
    const missing = [...keys].filter((key) => !docs.includes(`\`${key}\``) && !docs.includes(`${key}:`));
    expect(missing).toEqual([]);
  });

  test('names every permission mode', () => {
    for (const mode of permissionModes) expect(docs).toContain(`\`${mode}\``);
  });

  test('shows messages as they are printed', () => {
    const shown = parseWorkflow('name: x\nsteps:\n  - id: a\n    run: x\n    timout: 5m\n', { file: 'nightly.yaml' });
    const [first, fix] = (shown.ok ? '' : formatProblems(shown.problems)).split('\n');
    expect(docs).toContain(`${first?.replace(/^nightly.yaml:5:5/, 'nightly.yaml:12:5')}\n${fix}`);
  });
});
