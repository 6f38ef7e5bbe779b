// Where a workflow can come from besides text at hand: an object made in code, and a file with its prompt files.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineWorkflow, formatProblems, loadWorkflow } from '../../src/workflow/index.ts';

describe('a workflow made in code', () => {
  test('has problems that name their path', () => {
    const result = defineWorkflow({
      name: 'x',
      steps: [
        { id: 'a', run: 'x', tiemout: '5m' } as never,
        { id: 'b', run: 'x', env: { 'A-B': '1' }, when: 'params.x' },
      ],
    });
    expect(result.ok ? '' : formatProblems(result.problems)).toBe(
      [
        'steps[0].tiemout: a step has no key `tiemout`\n    did you mean `timeout`?',
        'steps[1].env.A-B: `A-B` is not allowed as a name\n    a variable name holds letters, digits and `_`, and starts with no digit',
        'steps[1].when: there is no param `x`\n    add `params: {x: <default>}`\n',
      ].join('\n'),
    );
  });

  test('must be plain data', () => {
    const loop: Record<string, unknown> = { name: 'x' };
    loop.steps = [loop];
    const values = [() => 1, new Date(0), Number.NaN, loop, 5n, Symbol('x')];
    const messages = values.map((name) => {
      const result = defineWorkflow({ name, steps: [{ id: 'a', run: 'x' }] } as never);
      return result.ok ? 'ok' : result.problems.map((problem) => `${problem.path}: ${problem.message}`).join();
    });
    expect(messages).toEqual([
      'name: a function is not allowed here',
      'name: an object of a class is not allowed here',
      'name: NaN is not allowed here',
      expect.stringContaining('name.steps[0]: the value contains itself'),
      'name: a bigint is not allowed here',
      'name: a symbol is not allowed here',
    ]);
  });

  test('is copied: later changes of the object do not reach it', () => {
    const step = { id: 'a', run: 'x', env: { A: '1' } };
    const result = defineWorkflow({ name: 'x', steps: [step] });
    step.env.A = '2';
    expect(result.ok && result.workflow.steps[0]!.env).toEqual({ A: '1' });
  });
});

describe('a workflow file', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stepspan-workflow-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const problemsOf = (file: string): string => {
    const result = loadWorkflow(file);
    return result.ok ? 'ok' : formatProblems(result.problems).replaceAll(folder, '');
  };

  test('that cannot be read is a problem like any other', () => {
    writeFileSync(join(folder, 'latin1.yaml'), Buffer.from([0x6e, 0x3a, 0x20, 0xe9]));
    writeFileSync(join(folder, 'huge.yaml'), ' '.repeat(300_000));
    expect(problemsOf(join(folder, 'gone.yaml'))).toBe(
      '/gone.yaml:1:1: this file does not exist\n    check the path; `stepspan init` writes a first workflow\n',
    );
    expect(problemsOf(folder)).toBe(':1:1: this is a folder\n    name the workflow file in it\n');
    expect(problemsOf(join(folder, 'latin1.yaml'))).toBe(
      '/latin1.yaml:1:1: the file is not UTF-8 text\n    save it as UTF-8\n',
    );
    expect(problemsOf(join(folder, 'huge.yaml'))).toContain('the file has 300000 bytes, more than the 262144');
  });

  test('has its existing prompt files checked, with their own lines and columns', () => {
    mkdirSync(join(folder, 'prompts'));
    writeFileSync(join(folder, 'prompts/a.md'), '# Review\n\nLook at {{ params.dept }}.\n');
    const file = join(folder, 'f.yaml');
    const step = (id: string, prompt: string) => `  - {id: ${id}, claude: {promptFile: ${prompt}}}\n`;
    writeFileSync(
      file,
      `name: x\nparams: {depth: 1}\nsteps:\n${step('a', 'prompts/a.md')}${step('b', 'prompts/later.md')}`,
    );
    expect(problemsOf(file)).toBe('/prompts/a.md:3:12: there is no param `dept`\n    did you mean `depth`?\n');
  });
});
