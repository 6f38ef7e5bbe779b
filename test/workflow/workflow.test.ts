// A good workflow in its normal form, and what surrounds it: defaults, values of params, the stored form, order.
import { describe, expect, test } from 'vitest';
import { levelsOf } from '../../src/workflow/graph.ts';
import {
  ancestorsOf,
  commandText,
  describeWorkflow,
  formatProblems,
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
      labels: {},
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
          retries: {
            max: 0,
            delayMs: 2000,
            factor: 2,
            maxDelayMs: 60_000,
            on: ['failure', 'error', 'timeout'],
            session: 'new',
          },
          continueOnFailure: false,
          readOnly: false,
          expect: undefined,
          stalls: {
            no_output: { afterMs: 120_000, action: 'none' },
            output_closed: { afterMs: 30_000, action: 'none' },
            no_exit_after_result: { afterMs: 30_000, action: 'kill' },
            rate_limited: { afterMs: 60_000, action: 'none' },
            waiting_for_permission: { afterMs: 30_000, action: 'none' },
          },
          claudeTelemetry: 'path',
          command: 'make',
          shell: ['bash', '-eo', 'pipefail', '-c'],
          stderr: 'separate',
          ask: { kind: 'never' },
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
      allowedTools: [],
      extraArgs: [],
    });
    for (const key of ['model', 'permissionMode', 'resume', 'mcpConfig']) expect(steps[1]).not.toHaveProperty(key);
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

describe('the stored form', () => {
  const workflow = read(
    'name: x\nparams: {n: {type: number}}\nsteps:\n  - {id: a, run: x, when: "params.n > 1"}\n  - {id: b, claude: y}\n',
  );

  test('comes back exactly, with every key', () => {
    const json: unknown = JSON.parse(JSON.stringify(workflowToJson(workflow)));
    const back = workflowFromJson(json);
    expect(back.ok && back.workflow).toStrictEqual(workflow);
  });

  test('of a run from before sessions were continued and limits waited for is read with the defaults', () => {
    const json = JSON.parse(JSON.stringify(workflowToJson(workflow)));
    for (const step of json.steps) {
      delete step.onRateLimit;
      delete step.ask;
      delete step.retries.session;
    }
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

test('a need that is not there is no ancestor, and holds nothing up', () => {
  const steps = [
    { id: 'a', needs: ['gone'] },
    { id: 'b', needs: ['a'] },
  ];
  expect([...ancestorsOf(steps, 'b')]).toEqual(['a']);
  expect(levelsOf(steps).map((level) => level.map((step) => step.id))).toEqual([['a'], ['b']]);
});

test('a workflow is described level by level', () => {
  const workflow = read(
    'name: nightly\ndescription: Looks around.\ntimeout: 1h\nbudget: {usd: 2, tokens: 1000}\nparams: {n: {type: number, description: How many}}\nsteps:\n  - {id: b, name: Second, needs: a, claude: x, retries: 1, when: "params.n > 1", continueOnFailure: true}\n  - {id: a, run: x, timeout: 90s}\n',
  );
  expect(
    describeWorkflow(workflow),
  ).toBe(`nightly: 2 steps in 2 levels, 4 at a time, at most 1h, budget $2.00 and 1,000 tokens
  Looks around.
  param n (number, must be given): How many
  1. a [run] timeout 1m30s
  2. b (Second) [claude] needs a; when params.n > 1; timeout 5m; 1 retry; may fail
`);
});
