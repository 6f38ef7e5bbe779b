// Random workflows and expressions for the property tests, as one writes them. Every one of them is valid.
import fc from 'fast-check';
import type { Expression, WorkflowInput } from '../../src/workflow/index.ts';

const duration = fc.constantFrom('500ms', '90s', '5m', '1h30m', '2h', '1.5s');
const text = fc.string({ maxLength: 30 }).map((each) => `x${each.replaceAll('{{', '{ {')}`);
/** JSON and YAML have one zero only. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => (each === 0 ? 0 : each));
/** Free text that speaks of no template and no variable of ours. */
const plain = text.map((each) => each.replace(/STEPSPAN/g, 'x'));
const line = plain.map((each) => each.replace(/[\u0000-\u001f\u007f]/g, ' '));
/** What a shell would expand is refused in `env`. */
const value = fc.oneof(
  plain.map((each) => each.replace(/\$(?=[A-Z_{])/g, '$ ').replaceAll(':~', ':')),
  number,
  fc.boolean(),
);
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const retries = fc.oneof(
  fc.nat(5),
  fc.record(
    { max: fc.nat(5), delay: duration, factor: fc.integer({ min: 1, max: 5 }), on: fc.constant(['timeout' as const]) },
    { requiredKeys: ['max'] },
  ),
);

const stalls = fc.oneof(
  fc.constantFrom('none' as const, 'kill' as const, 'retry' as const),
  fc.constant({ noOutput: { after: '3m' }, rateLimited: 'kill' as const }),
);

const expect = fc.record(
  {
    unchanged: fc.constantFrom('**', ['src/**/*.{ts,tsx}', '!src/[ab]?.ts']),
    command: fc.oneof(plain, fc.record({ run: plain, timeout: duration })),
    output: fc.constantFrom('^0 errors', 'a|b'),
    schema: fc.constant({ type: 'object', properties: { verdict: { type: 'string' } } }),
  },
  { requiredKeys: ['command'] },
);

const claude = fc.record(
  {
    prompt: plain,
    model: line,
    allowedTools: fc.uniqueArray(line, { maxLength: 3 }),
    permissionMode: fc.constantFrom('plan' as const, 'dontAsk' as const),
    maxBudgetUsd: fc.double({ min: 0.01, max: 100, noNaN: true }),
    maxTurns: fc.integer({ min: 1, max: 50 }),
    waitForBackground: fc.constantFrom('0s', '10m'),
    systemPrompt: plain,
    mcpConfig: fc.oneof(line, fc.constant({ mcpServers: { a: { command: 'x', env: { DEEP: null } } } })),
    jsonSchema: fc.constant({ type: 'object', properties: { verdict: { type: 'string', default: null } } }),
    extraArgs: fc.constant(['--add-dir', '..']),
  },
  { requiredKeys: ['prompt'] },
);

const body = fc.oneof(
  fc.record({ run: fc.oneof(plain, fc.array(plain, { minLength: 1, maxLength: 4 })) }),
  fc.record({ run: plain, shell: fc.constantFrom('bash' as const, 'sh' as const) }),
  fc.record({ claude: fc.oneof(plain, claude) }),
);

const common = fc.record({
  name: some(line),
  env: some(fc.dictionary(fc.constantFrom('A', 'B', 'PORT'), value)),
  cwd: some(fc.constantFrom('packages/a', '..', '/tmp')),
  timeout: some(duration),
  retries: some(retries),
  continueOnFailure: some(fc.boolean()),
  readOnly: some(fc.boolean()),
  stalls: some(stalls),
  expect: some(expect),
  when: some(fc.constantFrom('always()', 'success()', true, "1 < 2 && !('a' == 'b')")),
});

/** Steps whose needs point backwards only, so that there is no cycle. */
const steps = fc
  .array(fc.tuple(common, body, fc.array(fc.nat(1000), { maxLength: 3 })), { minLength: 1, maxLength: 8 })
  .map((drafts) =>
    drafts.map(([fields, does, back], index) => {
      const needs = index === 0 ? [] : [...new Set(back.map((number) => `step-${number % index}`))];
      return clean({ id: `step-${index}`, ...fields, needs: needs.length > 0 ? needs : undefined, ...does });
    }),
  );

export const workflowInput: fc.Arbitrary<WorkflowInput> = fc
  .record({
    name: line,
    description: some(plain),
    params: some(
      fc.dictionary(
        fc.constantFrom('depth', 'topic', 'deep'),
        value.filter((each) => each !== 'string'),
      ),
    ),
    env: some(fc.dictionary(fc.constantFrom('CI', 'LEVEL'), value)),
    timeout: some(duration),
    concurrency: some(fc.integer({ min: 1, max: 64 })),
    budget: some(fc.oneof(fc.integer({ min: 1 }), fc.record({ usd: fc.constant(0.5), tokens: fc.constant(1000) }))),
    secrets: some(fc.uniqueArray(fc.constantFrom('TOKEN', 'KEY'))),
    steps,
  })
  .map((workflow) => clean(workflow) as unknown as WorkflowInput);

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.oneof(number, fc.boolean(), fc.string()).map((each) => ({ kind: 'literal', value: each }) as const),
  fc
    .constantFrom(['params', 'depth'], ['steps', 'a-b', 'outcome'], ['steps', 'a', 'output', 'items', '0'])
    .map((path) => ({ kind: 'reference', path }) as const),
);

/** Any tree that the grammar can write, small enough for the bound on its length. */
export const expression: fc.Arbitrary<Expression> = fc.letrec<{ node: Expression }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ kind: fc.constant('not' as const), operand: tie('node') }),
    fc.record({
      kind: fc.constant('binary' as const),
      operator: fc.constantFrom('==', '!=', '<', '<=', '>', '>=', '&&', '||'),
      left: tie('node'),
      right: tie('node'),
    }),
  ),
})).node;

function clean(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
