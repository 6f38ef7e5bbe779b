// What holds for every workflow and every text: nothing throws, nothing is lost on the way to JSON and back, no cycle
// gets through, and every problem points into its file.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { evaluate } from '../../src/workflow/expression/evaluate.ts';
import { parseExpression } from '../../src/workflow/expression/parse.ts';
import { printExpression } from '../../src/workflow/expression/when.ts';
import { levelsOf } from '../../src/workflow/graph.ts';
import {
  defineWorkflow,
  formatProblems,
  parseWorkflow,
  renderTemplate,
  type Scope,
  topologicalOrder,
  workflowFromJson,
  workflowToJson,
} from '../../src/workflow/index.ts';
import { parseTemplate } from '../../src/workflow/template.ts';
import { expression, workflowInput } from './generators.ts';

const scope: Scope = { params: { depth: 3, topic: 'x' }, steps: new Map() };

/** Text that looks like a workflow, cut and mixed at random: gets deeper into the parser than plain noise. */
const almostWorkflow = fc
  .array(
    fc.constantFrom(
      'name: x\n',
      'steps:\n',
      '  - id: a\n',
      '    run: echo {{ params.x }}\n',
      '    needs: [a, b]\n',
      '    when: ',
      '!',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      ': ',
      '\n',
      '\t',
      '|\n',
      '>-\n',
      'steps.a.output',
      ' && ',
      '<<: ',
      '---\n',
      '- ',
      '? ',
      '    claude: ',
      '{{ ',
      ' }}',
      '#',
      '%',
      '\u0000',
      '\ufeff',
      'é',
      '💥',
      'params: {a: 1}\n',
      'timeout: 5\n',
      '__proto__: ',
      '\r\n',
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('any text', () => {
  test('becomes a workflow or problems that point into it, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(almostWorkflow, fc.string({ maxLength: 200 }), fc.string({ unit: 'binary' })), (text) => {
        const result = parseWorkflow(text, { file: 'f', params: {} });
        if (result.ok) return;
        const lines = text.split(/\r\n|\n/);
        expect(result.problems.length).toBeGreaterThan(0);
        for (const { line, column, message, fix } of result.problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 2);
          expect(message).not.toMatch(/undefined|\[object/);
          expect(fix).not.toMatch(/undefined|\[object/);
          expect(`${message}${fix}`).not.toContain('\n');
        }
        const order = result.problems.map((problem) => problem.line * 1e6 + problem.column);
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }),
      // A key of two lines.
      { numRuns: 100, examples: [['? |\n    when: ']] },
    );
  });

  test('as an object made in code becomes a workflow or problems with a path', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        (value) => {
          const result = defineWorkflow(value as never);
          if (!result.ok) expect(formatProblems(result.problems)).not.toBe('');
        },
      ),
    );
  });

  test('as a template keeps what is outside its braces', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        fc.pre(!`${before}${after}`.includes('{') && !after.includes('}'));
        const rendered = renderTemplate(`${before}{{ params.depth }}${after}`, scope);
        expect(rendered).toEqual({ ok: true, text: `${before}3${after}` });
      }),
    );
  });

  test('as a template or an expression never throws, and every mistake points into it', () => {
    const symbol = fc.constantFrom(
      '{{',
      '}}',
      "'",
      '"',
      '\\',
      '(',
      ')',
      '&&',
      'params.depth',
      '.',
      '==',
      ' ',
      '1e9',
      '!',
      '💥',
      '-',
    );
    fc.assert(
      fc.property(fc.array(symbol, { maxLength: 20 }), (parts) => {
        const text = parts.join('');
        const parsed = parseExpression(text);
        if (parsed.ok) evaluate(parsed.expression, scope);
        else expect(parsed.mistake.index).toBeLessThanOrEqual(text.length);
        for (const { index } of parseTemplate(text).mistakes) expect(index).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('any valid workflow', () => {
  test('is accepted, as an object and as YAML, with the same result', () => {
    fc.assert(
      fc.property(workflowInput, (input) => {
        const made = defineWorkflow(input, { cwd: '/w', params: {} });
        if (!made.ok) throw new Error(formatProblems(made.problems));
        const read = parseWorkflow(stringify(input), { file: '/w/f.yaml', params: {} });
        if (!read.ok) throw new Error(formatProblems(read.problems));
        expect({ ...read.workflow, file: '' }).toStrictEqual(made.workflow);
      }),
      // Each has many steps with many keys.
      { numRuns: 40 },
    );
  });

  test('comes back from JSON as it was', () => {
    fc.assert(
      fc.property(workflowInput, (input) => {
        const made = defineWorkflow(input);
        if (!made.ok) throw new Error(formatProblems(made.problems));
        const json: unknown = JSON.parse(JSON.stringify(workflowToJson(made.workflow)));
        expect(workflowFromJson(json)).toEqual(JSON.parse(JSON.stringify({ ok: true, workflow: made.workflow })));
        const back = workflowFromJson(json);
        expect(back.ok && Object.keys(back.workflow).sort()).toEqual(Object.keys(made.workflow).sort());
      }),
      { numRuns: 100 },
    );
  });

  test('has an order in which every step comes after its needs', () => {
    fc.assert(
      fc.property(workflowInput, (input) => {
        const made = defineWorkflow(input);
        if (!made.ok) throw new Error(formatProblems(made.problems));
        const seen = new Set<string>();
        for (const step of topologicalOrder(made.workflow.steps)) {
          for (const need of step.needs) expect(seen).toContain(need);
          seen.add(step.id);
        }
        expect(seen.size).toBe(made.workflow.steps.length);
        const levels = levelsOf(made.workflow.steps).map((level) => new Set(level.map((step) => step.id)));
        for (const level of levels) {
          for (const step of made.workflow.steps) {
            if (level.has(step.id)) expect(step.needs.some((need) => level.has(need))).toBe(false);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

test('needs that form a cycle are never accepted, needs that form none always are', () => {
  const edges = fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 14 });
  fc.assert(
    fc.property(edges, (pairs) => {
      const needs = Array.from({ length: 7 }, (_, id) => [
        ...new Set(pairs.filter(([from]) => from === id).map(([, to]) => to)),
      ]);
      const steps = needs.map((ids, id) => ({ id: `s${id}`, run: 'true', needs: ids.map((need) => `s${need}`) }));
      expect(defineWorkflow({ name: 'x', steps }).ok).toBe(!hasCycle(needs));
    }),
    { numRuns: 100 },
  );
});

/** By removing what needs nothing that is left, until nothing can be removed: another way than the code under test. */
function hasCycle(needs: readonly (readonly number[])[]): boolean {
  const left = new Set(needs.keys());
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const id of left) if (!needs[id]!.some((need) => left.has(need))) left.delete(id);
  }
  return left.size > 0;
}

test('an expression that is written down reads back as the same tree', () => {
  fc.assert(
    fc.property(expression, (tree) => {
      const text = printExpression(tree);
      fc.pre(text.length <= 1000);
      const parsed = parseExpression(text);
      expect(parsed.ok ? parsed.expression : parsed.mistake).toEqual(tree);
    }),
    { numRuns: 300 },
  );
});
