// A good workflow in its normal form, and what surrounds it: defaults, made objects, files, the stored form, order.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ancestorsOf,
  commandText,
  defineWorkflow,
  describeWorkflow,
  formatProblems,
  levelsOf,
  loadWorkflow,
  parseWorkflow,
  type ShellStep,
  type Workflow,
  workflowFromJson,
  workflowToJson,
} from '../../src/workflow/index.ts';

function read(text: string, params?: Record<string, string>): Workflow {
  const result = parseWorkflow(text, { file: '/repo/flows/f.yaml', ...(params ? { params } : {}) });
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.workflow;
}

describe('the normal form', () => {
  test('of the shortest workflow has every default', () => {
    expect(read('name: x\nsteps:\n  - id: a\n    run: make\n')).toStrictEqual({
      name: 'x',
      description: '',
      file: '/repo/flows/f.yaml',
      params: [],
      paramValues: {},
      env: {},
      cwd: '/repo/flows',
      timeoutMs: undefined,
      concurrency: 4,
      budget: { usd: undefined, tokens: undefined },
      secrets: [],
      steps: [
        {
          kind: 'run',
          id: 'a',
          name: 'a',
          needs: [],
          when: { kind: 'success' },
          env: {},
          cwd: undefined,
          timeoutMs: 300_000,
          retries: { max: 0, delayMs: 2000, factor: 2, maxDelayMs: 60_000, on: ['failure', 'error', 'timeout'] },
          continueOnFailure: false,
          readOnly: false,
          stalls: {
            no_output: { afterMs: 120_000, action: 'none' },
            output_closed: { afterMs: 30_000, action: 'none' },
            no_exit_after_result: { afterMs: 30_000, action: 'kill' },
            rate_limited: { afterMs: 60_000, action: 'none' },
            waiting_for_permission: { afterMs: 30_000, action: 'none' },
          },
          command: 'make',
          shell: ['bash', '-eo', 'pipefail', '-c'],
        },
      ],
    });
  });

  test('of a Claude step has absolute paths, and nothing that was not asked for', () => {
    const { steps } = read(
      'name: x\nsteps:\n  - id: a\n    claude: {promptFile: prompts/a.md, mcpConfig: ../mcp.json}\n  - id: b\n    claude: hello\n',
    );
    expect(steps[0]).toMatchObject({
      prompt: { kind: 'file', path: '/repo/flows/prompts/a.md' },
      mcpConfig: '/repo/mcp.json',
    });
    expect(steps[1]).toMatchObject({
      kind: 'claude',
      prompt: { kind: 'inline', text: 'hello' },
      model: undefined,
      allowedTools: [],
      permissionMode: undefined,
      resume: undefined,
      extraArgs: [],
    });
  });

  test('keeps numbers in env as they are written', () => {
    const { env } = read('name: x\nenv: {A: 1.10, B: 0x1F, C: true, D: 1e3}\nsteps:\n  - id: a\n    run: x\n');
    expect(env).toEqual({ A: '1.10', B: '0x1F', C: 'true', D: '1e3' });
  });

  test('has the same for short and long forms', () => {
    const short = read(
      'name: x\nbudget: 5\nparams: {n: 3}\nsteps:\n  - id: z\n    run: x\n  - id: a\n    run: x\n    needs: z\n    retries: 2\n    stalls: kill\n',
    );
    const long = read(
      'name: x\nbudget: {usd: 5}\nparams: {n: {type: number, default: 3}}\nsteps:\n  - id: z\n    run: x\n  - id: a\n    run: x\n    needs: [z]\n    retries: {max: 2}\n    stalls: {noOutput: kill, outputClosed: kill, noExitAfterResult: kill, rateLimited: kill, waitingForPermission: {action: kill}}\n',
    );
    expect(short).toEqual(long);
  });

  test('starts `[...shell, command]`, whether the command is a script or a list', () => {
    const { steps } = read(
      'name: x\nsteps:\n  - {id: a, run: x, shell: sh}\n  - {id: b, run: [git, log, "--format=%h %s"]}\n  - {id: c, run: [make]}\n  - {id: d, run: "print(1)", shell: [python3, -c]}\n',
    ) as { steps: readonly ShellStep[] };
    expect(steps.map((step) => [...step.shell, step.command])).toEqual([
      ['sh', '-e', '-c', 'x'],
      ['git', 'log', '--format=%h %s'],
      ['make'],
      ['python3', '-c', 'print(1)'],
    ]);
    expect(steps.map(commandText)).toEqual(['x', "git log '--format=%h %s'", 'make', "python3 -c 'print(1)'"]);
  });

  test('lets the first wait of a retry be longer than the default bound', () => {
    const { steps } = read('name: x\nsteps:\n  - {id: a, run: x, retries: {max: 1, delay: 5m}}\n');
    expect(steps[0]!.retries).toMatchObject({ delayMs: 300_000, maxDelayMs: 300_000 });
  });

  test('takes a value from an anchor wherever it is repeated', () => {
    const { steps } = read('name: x\nsteps:\n  - {id: a, run: x, env: &e {A: 1}}\n  - {id: b, run: x, env: *e}\n');
    expect(steps.map((step) => step.env)).toEqual([{ A: '1' }, { A: '1' }]);
  });

  test('resolves cwd against the folder of the file, or the one given', () => {
    const text = 'name: x\ncwd: ..\nsteps:\n  - {id: a, run: x}\n';
    expect(read(text).cwd).toBe('/repo');
    const elsewhere = parseWorkflow(text, { file: '/repo/flows/f.yaml', cwd: '/other/place' });
    expect(elsewhere.ok && elsewhere.workflow.cwd).toBe('/other');
  });
});

describe('values for params', () => {
  const text =
    'name: x\nparams: {n: 1, on: false, must: {type: string, description: Where}}\nsteps:\n  - {id: a, run: x}\n';

  test('given as text get the type of the param, and stand before its default', () => {
    expect(read(text, { n: '-2.5', must: 'y', on: 'true' }).paramValues).toEqual({ n: -2.5, on: true, must: 'y' });
    expect(read(text, { must: '7' }).paramValues).toEqual({ n: 1, on: false, must: '7' });
  });

  test('may be missing while only the file is checked', () => {
    expect(read(text).paramValues).toEqual({ n: 1, on: false });
    expect(read(text).params[2]).toEqual({ name: 'must', type: 'string', description: 'Where', default: undefined });
  });
});

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
      'name: a function is no value here',
      'name: an object of a class is no value here',
      'name: NaN is no value here',
      expect.stringContaining('name.steps[0]: the value contains itself'),
      'name: a bigint is no value here',
      'name: a symbol is no value here',
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
      '/gone.yaml:1:1: there is no such file\n    check the path; `stepspan init` writes a first workflow\n',
    );
    expect(problemsOf(folder)).toBe(':1:1: this is a folder\n    name the workflow file in it\n');
    expect(problemsOf(join(folder, 'latin1.yaml'))).toBe(
      '/latin1.yaml:1:1: the file is not UTF-8 text\n    save it as UTF-8\n',
    );
    expect(problemsOf(join(folder, 'huge.yaml'))).toContain('the file has 300000 bytes, more than the 262144');
  });

  test('has its prompt files checked where they are there already, at their own line and column', () => {
    mkdirSync(join(folder, 'prompts'));
    writeFileSync(join(folder, 'prompts/a.md'), '# Review\n\nLook at {{ params.dept }}.\n');
    const file = join(folder, 'f.yaml');
    const step = (id: string, prompt: string) => `  - {id: ${id}, claude: {promptFile: ${prompt}}}\n`;
    writeFileSync(
      file,
      `name: x\nparams: {depth: 1}\nsteps:\n${step('a', 'prompts/a.md')}${step('b', 'prompts/later.md')}`,
    );
    expect(problemsOf(file)).toBe('prompts/a.md:3:12: there is no param `dept`\n    did you mean `depth`?\n');
  });
});

describe('the stored form', () => {
  const workflow = read(
    'name: x\nparams: {n: {type: number}}\nsteps:\n  - {id: a, run: x, when: "params.n > 1"}\n  - {id: b, claude: y}\n',
  );

  test('comes back exactly, with every key', () => {
    const json: unknown = JSON.parse(JSON.stringify(workflowToJson(workflow)));
    const back = workflowFromJson(json);
    expect(back.ok && back.workflow).toStrictEqual(workflow);
  });

  test('of another version, or damaged, is refused with a sentence', () => {
    const json = workflowToJson(workflow) as Record<string, unknown>;
    expect(workflowFromJson({ ...json, version: 2 })).toEqual({
      ok: false,
      message: 'the stored workflow is of version 2; this stepspan reads version 1',
    });
    expect(workflowFromJson('x')).toMatchObject({ ok: false, message: expect.stringContaining('of no known version') });
    expect(workflowFromJson({ ...json, steps: [{ kind: 'run' }] })).toMatchObject({
      ok: false,
      message: expect.stringContaining('the stored workflow cannot be read: steps.0.id:'),
    });
  });
});

test('more than 100 problems are counted, not printed', () => {
  const result = parseWorkflow(`name: x\nsteps:\n${'  - x\n'.repeat(103)}`, { file: 'f' });
  const text = result.ok ? '' : formatProblems(result.problems);
  expect(text.match(/must be a mapping/g)).toHaveLength(100);
  expect(text).toMatch(/3 more problems not shown\n$/);
});

test('steps of one level can run together, and an ancestor is any step that comes before', () => {
  const { steps } = read(
    'name: x\nsteps:\n  - {id: d, run: x, needs: [b, c]}\n  - {id: a, run: x}\n  - {id: b, run: x, needs: a}\n  - {id: c, run: x}\n',
  );
  expect(levelsOf(steps).map((level) => level.map((step) => step.id))).toEqual([['a', 'c'], ['b'], ['d']]);
  expect([...ancestorsOf(steps, 'd')].sort()).toEqual(['a', 'b', 'c']);
  expect([...ancestorsOf(steps, 'a')]).toEqual([]);
});

test('a workflow is described level by level', () => {
  const workflow = read(
    'name: nightly\ndescription: Looks around.\ntimeout: 1h\nbudget: {usd: 2, tokens: 1000}\nparams: {n: {type: number, description: How many}}\nsteps:\n  - {id: b, name: Second, needs: a, claude: x, retries: 1, when: "params.n > 1", continueOnFailure: true}\n  - {id: a, run: x, timeout: 90s}\n',
  );
  expect(
    describeWorkflow(workflow),
  ).toBe(`nightly: 2 steps in 2 levels, 4 at a time, at most 1h, budget 2 USD and 1000 tokens
  Looks around.
  param n (number, must be given): How many
  1. a [run] timeout 1m30s
  2. b (Second) [claude] needs a; when params.n > 1; timeout 5m; 1 retry; may fail
`);
});
