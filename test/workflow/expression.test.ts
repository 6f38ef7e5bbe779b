// What expressions, templates and the environment of a step give for given params and ended steps.
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.ts';
import { environmentOf } from '../../src/workflow/environment.ts';
import { evaluate, isTrue } from '../../src/workflow/expression/evaluate.ts';
import { parseExpression } from '../../src/workflow/expression/parse.ts';
import { parseWhen, printExpression } from '../../src/workflow/expression/when.ts';
import {
  type ClaudeStep,
  defineWorkflow,
  formatProblems,
  renderClaude,
  renderTemplate,
  type Scope,
  type Workflow,
  type WorkflowInput,
} from '../../src/workflow/index.ts';

const failure: Outcome = { kind: 'failure', reason: 'exit_code', exitCode: 1, message: 'exit code 1' };
const done: Outcome = { kind: 'skip', reason: 'already_done', message: '' };

const scope: Scope = {
  params: { depth: 3, deep: true, topic: 'speed', empty: '' },
  steps: new Map([
    ['lint', { outcome: failure, output: '12\n', outputCut: false }],
    [
      'review',
      {
        outcome: { kind: 'success' },
        output: '{"verdict":"reject","score":7,"items":[{"line":4}],"none":null}',
        outputCut: false,
      },
    ],
    ['before', { outcome: done, output: '', outputCut: false }],
  ]),
};

function valueFor(text: string): unknown {
  const parsed = parseExpression(text);
  if (!parsed.ok) throw new Error(parsed.mistake.message);
  const result = evaluate(parsed.expression, scope);
  return result.ok ? result.value : { error: result.message };
}

describe('expressions', () => {
  test.each([
    ["steps.lint.outcome == 'failure'", true],
    ["steps.lint.outcome != 'failure'", false],
    ["steps.before.outcome == 'success'", true],
    ['params.depth', 3],
    ['params.depth > 2 && params.depth <= 3', true],
    ['!params.deep || params.topic == "speed"', true],
    ['1 == 2 || 2 == 2 && 1 == 2', false],
    ['(1 == 2 || 2 == 2) && 1 == 1', true],
    ['!(1 == 1)', false],
    ['!!params.topic', true],
    ['params.empty || params.deep', true],
    ['params.empty && steps.gone.output', false],
    ['params.deep || steps.gone.output', true],
    ['-0', 0],
    ['steps.lint.output < 13', true],
    ['steps.lint.output == 12', true],
    ["params.depth == '3'", true],
    ["params.deep == 'true'", true],
    ["'10' > '9'", true],
    ["'b' > 'a'", true],
    ["'a\\'b\\n' == \"a'b\\n\"", true],
    ['-1.5e1 == -15', true],
    ["steps.review.output.verdict == 'reject'", true],
    ['steps.review.output.score >= 7', true],
    ['steps.review.output.items.0.line', 4],
    ['steps.review.output.items', '[{"line":4}]'],
    ['steps.review.output.none', 'null'],
  ])('%s is %j', (text, expected) => {
    expect(valueFor(text)).toEqual(expected);
  });

  test.each([
    ['steps.gone.output', 'step `gone` has not ended yet'],
    ['params.gone', 'param `gone` has no value'],
    ['params.constructor', 'param `constructor` has no value'],
    ['steps.lint.output.x', 'the output of step `lint` has no `x`; it has nothing by name'],
    ['steps.before.output.x', 'the output of step `before` is not JSON (it is empty), so it has no `x`'],
    ['steps.review.output.x.y', 'the output of step `review` has no `x.y`; it has `verdict`, `score`, `items`, `none`'],
    ["params.depth < 'x'", '3 < "x" cannot be decided: both must be numbers, or both text'],
    ['params.deep < 2', 'true < 2 cannot be decided: both must be numbers, or both text'],
  ])('%s has no value, and the message says why', (text, message) => {
    expect(valueFor(text)).toEqual({ error: message });
  });

  test('only false, zero and the empty text are false', () => {
    expect([false, 0, '', true, 1, -1, 'false', ' '].map(isTrue)).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
      true,
      true,
    ]);
  });

  test('of `when` may be one of three functions, with spaces wherever', () => {
    const kinds = ['success()', ' always ( ) ', 'failure()', 'true', true, '1 == 1'].map((text) => parseWhen(text));
    expect(kinds.map((parsed) => parsed.ok && parsed.when.kind)).toEqual([
      'success',
      'always',
      'failure',
      'expression',
      'expression',
      'expression',
    ]);
  });

  test('are printed with parentheses where they are needed', () => {
    const parsed = parseExpression("!(params.a == 'x') && (1 < 2 || params.b)");
    expect(parsed.ok && printExpression(parsed.expression)).toBe("!(params.a == 'x') && ((1 < 2) || params.b)");
  });
});

describe('templates', () => {
  test.each([
    ['a {{params.depth}} b {{ params.deep }}', 'a 3 b true'],
    ['{{ steps.review.output.verdict }}!', 'reject!'],
    ["{{ '{{' }} user }}", '{{ user }}'],
    ['no braces { } }}', 'no braces { } }}'],
    ['', ''],
  ])('%j becomes %j', (template, text) => {
    expect(renderTemplate(template, scope)).toEqual({ ok: true, text });
  });

  test('put values in as they are: braces in an output are not read again', () => {
    const steps = new Map([['a', { outcome: failure, output: '{{ params.depth }}$&', outputCut: false }]]);
    expect(renderTemplate('{{ steps.a.output }}', { params: { depth: 1 }, steps })).toEqual({
      ok: true,
      text: '{{ params.depth }}$&',
    });
  });

  test('fail with a sentence where a value is not there', () => {
    expect(renderTemplate('{{ steps.gone.output }}', scope)).toEqual({
      ok: false,
      message: 'step `gone` has not ended yet',
    });
    expect(renderTemplate('{{ user }}', scope)).toMatchObject({
      ok: false,
      message: expect.stringContaining('`user` is not a value'),
    });
  });
});

function made(input: WorkflowInput): Workflow {
  const result = defineWorkflow(input, { cwd: '/w' });
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.workflow;
}

describe('the environment of a step', () => {
  const workflow = made({
    name: 'x',
    params: { depth: 3, 'dry-run': true },
    env: { LEVEL: 'low', TOPIC: '{{ params.depth }}' },
    steps: [
      { id: 'first-one', run: 'true' },
      { id: 'aside', run: 'true' },
      { id: 'last', needs: 'first-one', run: 'true', env: { LEVEL: '{{ steps.first-one.output }}', VERSION: 1.5 } },
    ],
  });
  const last = workflow.steps[2]!;
  const ended = (output: string) =>
    new Map([
      ['first-one', { outcome: failure, output, outputCut: false }],
      ['aside', { outcome: failure, output: 'not for you', outputCut: false }],
    ]);

  test('holds env, params, and output and outcome of the steps before it', () => {
    expect(environmentOf(workflow, last, { params: workflow.paramValues, steps: ended('a\nb') })).toEqual({
      ok: true,
      cut: [],
      ambiguous: [],
      variables: {
        LEVEL: 'a\nb',
        TOPIC: '3',
        VERSION: '1.5',
        STEPSPAN_PARAM_DEPTH: '3',
        STEPSPAN_PARAM_DRY_RUN: 'true',
        STEPSPAN_OUTPUT_FIRST_ONE: 'a\nb',
        STEPSPAN_OUTCOME_FIRST_ONE: 'failure',
      },
    });
  });

  test('cuts an output that no program could be started with, at a whole character, and says so', () => {
    const output = `x${'é'.repeat(100_000)}`;
    const environment = environmentOf(
      workflow,
      { ...last, env: {} },
      { params: workflow.paramValues, steps: ended(output) },
    );
    if (!environment.ok) throw new Error(environment.message);
    const kept = environment.variables.STEPSPAN_OUTPUT_FIRST_ONE!;
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(120 * 1024);
    const [, head = '', leftOut, tail = ''] =
      /^(xé+)\n\[\.\.\. (\d+) bytes \(in one line\) .*\]\n(é+)$/.exec(kept) ?? [];
    const keptBytes = Buffer.byteLength(head + tail);
    expect(Number(leftOut) + keptBytes).toBe(200_001);
    expect(environment.cut).toEqual([{ name: 'STEPSPAN_OUTPUT_FIRST_ONE', bytes: 200_001, keptBytes }]);
  });

  test('cuts outputs that together would be too large, and says which', () => {
    const before = Array.from({ length: 6 }, (_, index) => ({ id: `s${index}`, run: 'true' }));
    const many = made({
      name: 'x',
      steps: [...before, { id: 'last', needs: before.map(({ id }) => id), run: 'true' }],
    });
    const steps = new Map(
      before.map(({ id }) => [id, { outcome: failure, output: 'x'.repeat(100_000), outputCut: false }]),
    );
    const environment = environmentOf(many, many.steps[6]!, { params: {}, steps });
    if (!environment.ok) throw new Error(environment.message);
    const outputs = Object.entries(environment.variables).filter(([name]) => name.startsWith('STEPSPAN_OUTPUT_'));
    const bytes = outputs.reduce((sum, [, value]) => sum + value.length, 0);
    expect([bytes <= 512 * 1024, bytes > 500 * 1024]).toEqual([true, true]);
    // Each has the same share of what is too little for all.
    expect(environment.cut.map((cut) => cut.bytes)).toEqual(before.map(() => 100_000));
    for (const { keptBytes } of environment.cut) expect(keptBytes).toBeGreaterThan(80_000);
  });

  test('cannot hold a value that no program could be started with', () => {
    expect(environmentOf(workflow, last, { params: workflow.paramValues, steps: ended('x'.repeat(200_000)) })).toEqual({
      ok: false,
      message: 'env.LEVEL has 200000 bytes, more than the 131065 that the variable LEVEL may have',
    });
  });

  test('cannot hold a zero byte: it is left out of an output, and refused in env', () => {
    const without = environmentOf(
      workflow,
      { ...last, env: {} },
      { params: workflow.paramValues, steps: ended('a\0b') },
    );
    expect(without.ok && without.variables.STEPSPAN_OUTPUT_FIRST_ONE).toBe('ab');
    expect(environmentOf(workflow, last, { params: workflow.paramValues, steps: ended('a\0b') })).toEqual({
      ok: false,
      message: 'env.LEVEL holds a zero byte, which no variable can',
    });
  });

  test('fails with the name of the variable whose value is not there', () => {
    const message = 'env.LEVEL: step `first-one` has not ended yet';
    expect(environmentOf(workflow, last, { params: workflow.paramValues, steps: new Map() })).toEqual({
      ok: false,
      message,
    });
  });
});

describe('the texts of a Claude step', () => {
  const { steps } = made({
    name: 'x',
    params: { model: 'sonnet' },
    steps: [{ id: 'a', claude: { promptFile: 'p.md', model: '{{ params.model }}', appendSystemPrompt: 'Short.' } }],
  });
  const step = steps[0] as ClaudeStep;
  const values: Scope = { params: { model: 'haiku' }, steps: new Map() };

  test('come with their values, the prompt from its file', () => {
    const read = (path: string) => (path === '/w/p.md' ? 'Use {{ params.model }}.' : undefined);
    expect(renderClaude(step, values, read)).toEqual({
      ok: true,
      texts: { prompt: 'Use haiku.', model: 'haiku', systemPrompt: undefined, appendSystemPrompt: 'Short.' },
    });
  });

  test('fail where the prompt file is not there, or says what cannot be', () => {
    expect(renderClaude(step, values, () => undefined)).toEqual({
      ok: false,
      message: 'the prompt file /w/p.md is not there or is not readable UTF-8 text',
    });
    expect(renderClaude(step, values, () => '{{ params.gone }}')).toEqual({
      ok: false,
      message: 'prompt: param `gone` has no value',
    });
  });
});
