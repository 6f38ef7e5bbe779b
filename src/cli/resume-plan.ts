// The text of `stepspan resume --plan`: a table of the steps with what happens to each and why, and what is saved. Pure.

import { formatUsd } from '../core/cost.ts';
import { formatDuration } from '../core/duration.ts';
import { plural } from '../core/units.ts';
import type { PlannedStepOfResume, ResumePlan } from '../library/index.ts';
import { formatTable } from './format.ts';
import { safe } from './terminal/step-text.ts';

/** Of a note, which can name many steps and a long path. */
const noteCharacters = 2000;

const columns = [
  { head: 'STEP' },
  { head: 'ACTION' },
  { head: 'COST', side: 'right' },
  { head: 'TIME', side: 'right' },
  { head: 'WHY' },
] as const;

export function resumePlanLines({ runId, workflow, notes, steps, saved }: ResumePlan): readonly string[] {
  const count = (action: PlannedStepOfResume['action']): number =>
    steps.filter((step) => step.action === action).length;
  const rows = steps.map((step) => [
    safe(step.id),
    step.action,
    step.costUsd > 0 ? formatUsd(step.costUsd) : '',
    step.durationMs > 0 ? formatDuration(step.durationMs) : '',
    `${safe(step.why)}${step.continuesSession ? '; continues in its session' : ''}`,
  ]);
  return [
    `Run ${runId} of ${safe(workflow)} would continue as follows; nothing was started.`,
    ...notes.map((note) => safe(note, noteCharacters)),
    '',
    ...formatTable(columns, rows, Number.POSITIVE_INFINITY),
    '',
    `${plural(count('keep'), 'step')} kept, which saves ${formatUsd(saved.costUsd)} and ${formatDuration(saved.durationMs)}; ` +
      `${plural(count('run'), 'step')} to run.`,
  ];
}
