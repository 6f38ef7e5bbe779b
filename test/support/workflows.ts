// Workflows in their normal form for tests that are not about how a file is read.
import type { ShellStep, Step, Workflow } from '../../src/workflow/workflow.ts';

const quiet = { afterMs: 60_000, action: 'none' } as const;

export function shellStep(id: string, fields: Partial<ShellStep> = {}): ShellStep {
  return {
    kind: 'run',
    ask: { kind: 'never' },
    id,
    name: id,
    needs: [],
    when: { kind: 'success' },
    env: {},
    cwd: undefined,
    timeoutMs: 60_000,
    retries: { max: 0, delayMs: 0, factor: 1, maxDelayMs: 0, on: ['failure', 'error', 'timeout'], session: 'new' },
    continueOnFailure: false,
    readOnly: false,
    stalls: {
      no_output: quiet,
      output_closed: quiet,
      no_exit_after_result: quiet,
      rate_limited: quiet,
      waiting_for_permission: quiet,
    },
    claudeTelemetry: 'path',
    expect: undefined,
    command: 'true',
    shell: ['sh', '-c'],
    stderr: 'separate',
    ...fields,
  };
}

export function workflowOf(steps: readonly Step[], fields: Partial<Workflow> = {}): Workflow {
  return {
    name: 'sample',
    description: '',
    file: '',
    params: [],
    paramValues: {},
    labels: {},
    env: {},
    cwd: '/',
    timeoutMs: undefined,
    concurrency: 4,
    budget: { usd: undefined, tokens: undefined },
    secrets: [],
    steps,
    ...fields,
  };
}
