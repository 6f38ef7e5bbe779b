// The rules that stepspan evaluates itself on the journal of each run, and the list of all rules. alerts.yaml, the rule table
// of `stepspan alerts`, docs/alerts.md and the runbook are checked against it. How a rule is evaluated is in the *-rules.ts files.
import { backendRules } from './backend-rules.ts';
import type { RuleDefinition, RunRuleDefinition } from './rule.ts';

const minute = 60_000;
const hour = 60 * minute;
const mebibyte = 2 ** 20;

/** A day: someone who looks once a working day sees it, and a workflow that is no longer used does not fire for ever. */
const keepFor = {
  kind: 'duration',
  default: 24 * hour,
  meaning: 'how long it fires if nothing resolves it',
} as const;

export const runRules = {
  StepspanRunFailed: {
    name: 'StepspanRunFailed',
    source: 'run',
    scope: 'run',
    severity: 'critical',
    meaning: 'A run failed: a step failed, timed out or could not be started. Cancelled runs do not count.',
    isResolvedBySuccess: true,
    thresholds: { keepFor },
  },
  StepspanRunWarnings: {
    name: 'StepspanRunWarnings',
    source: 'run',
    scope: 'run',
    severity: 'warning',
    meaning:
      'A run succeeded, but in a Claude step tool calls were denied, an MCP server was missing, a hook or a subagent failed, or the answer was cut or refused.',
    thresholds: { keepFor },
  },
  StepspanRunAbandoned: {
    name: 'StepspanRunAbandoned',
    source: 'run',
    scope: 'run',
    severity: 'critical',
    meaning: 'The stepspan process of a run was killed before the run ended; the hub marked the run as abandoned.',
    isResolvedBySuccess: true,
    thresholds: { keepFor },
  },
  StepspanRunStuck: {
    name: 'StepspanRunStuck',
    source: 'run',
    scope: 'step',
    severity: 'warning',
    meaning:
      'A step has printed nothing for too long, or hangs in a known way: output closed, no exit after the result, rate limited, waiting for a permission.',
    thresholds: {
      // A long tool call of Claude Code takes minutes and prints nothing; a quarter of an hour is the length of a break.
      after: { kind: 'duration', default: 15 * minute, meaning: 'how long a step may print nothing' },
    },
  },
  StepspanWaitingForYou: {
    name: 'StepspanWaitingForYou',
    source: 'run',
    scope: 'step',
    severity: 'warning',
    meaning: 'A step waits for a person: Claude Code has asked something, or the step needs an approval.',
    thresholds: {},
  },
  StepspanStepSlow: {
    name: 'StepspanStepSlow',
    source: 'run',
    scope: 'step',
    severity: 'warning',
    meaning: 'A step takes much longer than it took in earlier successful runs of the workflow.',
    thresholds: {
      factor: { kind: 'number', default: 3, meaning: 'how many times its median duration a step may take' },
      atLeast: { kind: 'duration', default: 1 * minute, meaning: 'how much longer than its median it takes at least' },
      minimumRuns: { kind: 'count', default: 5, meaning: 'how many earlier durations must be known' },
    },
  },
  StepspanBudgetWarning: {
    name: 'StepspanBudgetWarning',
    source: 'run',
    scope: 'run',
    severity: 'warning',
    meaning: 'A run has used most of its budget of money or tokens.',
    thresholds: {
      // The share at which the run itself warns: budgetWarningShare in run/engine/budget.ts.
      share: { kind: 'share', default: 0.8, meaning: 'the share of the budget that may be used' },
    },
  },
  StepspanBudgetExceeded: {
    name: 'StepspanBudgetExceeded',
    source: 'run',
    scope: 'run',
    severity: 'critical',
    meaning:
      'A run has used up its budget of money or tokens and was ended. It replaces StepspanRunFailed for that run.',
    isResolvedBySuccess: true,
    thresholds: { keepFor },
  },
  StepspanMemoryGrowing: {
    name: 'StepspanMemoryGrowing',
    source: 'run',
    scope: 'step',
    severity: 'warning',
    meaning: 'The memory of the processes of a step has grown without a break.',
    thresholds: {
      window: { kind: 'duration', default: 10 * minute, meaning: 'how long it grows without falling' },
      factor: { kind: 'number', default: 1.5, meaning: 'how many times as large it has become in that time' },
      atLeast: { kind: 'size', default: 256 * mebibyte, meaning: 'how much larger it has become at least' },
    },
  },
  StepspanSecretHidden: {
    name: 'StepspanSecretHidden',
    source: 'run',
    scope: 'run',
    severity: 'warning',
    meaning: 'A run contained something that looks like a secret. It was replaced before anything was written.',
    thresholds: { keepFor },
  },
  StepspanOutputLost: {
    name: 'StepspanOutputLost',
    source: 'run',
    scope: 'run',
    severity: 'critical',
    meaning: 'Lines or events of a run could not be kept, for example on a full disk.',
    thresholds: { keepFor },
  },
  StepspanProcessesLeft: {
    name: 'StepspanProcessesLeft',
    source: 'run',
    scope: 'step',
    severity: 'info',
    meaning:
      'A step has ended, or its stepspan was killed, and processes that it had started were still running; stepspan ended them.',
    thresholds: { keepFor: { ...keepFor, default: 1 * hour } },
  },
} as const satisfies Readonly<Record<string, RunRuleDefinition>>;

export type RunRuleName = keyof typeof runRules;

/** Every rule that alerts.yaml can name, whatever evaluates it. */
export const allRules: readonly RuleDefinition[] = [...Object.values(runRules), ...backendRules];
