// The rules that stepspan evaluates itself, on the journal of each run, and the list of all rules by name. docs/alerts.md,
// alerts.yaml and the runbook's test are made from it. How each is evaluated is in ../evaluate.
import { backendRules } from './backend-rules.ts';
import type { RuleDefinition } from './rule.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const mebibyte = 2 ** 20;

/** A day: whoever looks once a working day sees it, and a workflow that nobody runs any more does not fire for ever. */
const keepFor = {
  kind: 'duration',
  default: 24 * hour,
  meaning: 'how long it fires when nothing resolves it',
} as const;

export const runRules = {
  StepspanRunFailed: {
    name: 'StepspanRunFailed',
    source: 'run',
    severity: 'critical',
    meaning:
      'A run did not succeed: a step failed, timed out, went over its budget or could not be carried out. A cancelled run is not among them.',
    thresholds: { keepFor },
  },
  StepspanRunWarnings: {
    name: 'StepspanRunWarnings',
    source: 'run',
    severity: 'warning',
    meaning:
      'A run succeeded, but a Claude step of it was denied tool calls, lacked an MCP server, had a hook or a subagent fail, or gave an answer that was cut or refused.',
    thresholds: { keepFor },
  },
  StepspanRunAbandoned: {
    name: 'StepspanRunAbandoned',
    source: 'run',
    severity: 'critical',
    meaning: 'The process that ran the workflow died before the run had ended; the hub has closed the run.',
    thresholds: { keepFor },
  },
  StepspanRunStuck: {
    name: 'StepspanRunStuck',
    source: 'run',
    severity: 'warning',
    meaning:
      'A step has printed nothing for long, or hangs in one of the ways that stepspan knows: output closed, no exit after the result, rate limited, waiting for a permission.',
    thresholds: {
      // A long tool call of Claude Code takes minutes and prints nothing; a quarter of an hour is the length of a break.
      after: { kind: 'duration', default: 15 * minute, meaning: 'how long a step may print nothing' },
    },
  },
  StepspanStepSlow: {
    name: 'StepspanStepSlow',
    source: 'run',
    severity: 'warning',
    meaning: 'A step takes much longer than it took when it succeeded in earlier runs of the same workflow.',
    thresholds: {
      factor: { kind: 'number', default: 3, meaning: 'how many times its median duration a step may take' },
      atLeast: { kind: 'duration', default: 1 * minute, meaning: 'how much longer than its median it takes at least' },
      minimumRuns: { kind: 'count', default: 5, meaning: 'how many earlier durations must be known' },
    },
  },
  StepspanBudgetWarning: {
    name: 'StepspanBudgetWarning',
    source: 'run',
    severity: 'warning',
    meaning: 'A run has used most of its budget of money or tokens.',
    thresholds: {
      // The share at which the run itself says so, see budgetWarningShare in run/engine/budget.ts.
      share: { kind: 'share', default: 0.8, meaning: 'the share of the budget that may be used' },
    },
  },
  StepspanBudgetExceeded: {
    name: 'StepspanBudgetExceeded',
    source: 'run',
    severity: 'critical',
    meaning: 'A run has used more than its budget of money or tokens; it was ended.',
    thresholds: { keepFor: { ...keepFor, default: 1 * hour } },
  },
  StepspanMemoryGrowing: {
    name: 'StepspanMemoryGrowing',
    source: 'run',
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
    severity: 'warning',
    meaning: 'A step printed something that looks like a secret. It was replaced before anything was written.',
    thresholds: { keepFor },
  },
  StepspanOutputLost: {
    name: 'StepspanOutputLost',
    source: 'run',
    severity: 'critical',
    meaning: 'Lines or events of a run could not be kept, as on a full disk.',
    thresholds: { keepFor },
  },
} as const satisfies Readonly<Record<string, RuleDefinition>>;

export type RunRuleName = keyof typeof runRules;

/** Every rule that alerts.yaml can name, whoever evaluates it. */
export const allRules: readonly RuleDefinition[] = [...Object.values(runRules), ...backendRules];
