// The public surface of state: the fold, the numbers made from it, and the filter that readers share.

export * from '../core/time.ts';
export * from './catalogue.ts';
export * from './describe-event.ts';
export * from './describe-findings.ts';
export * from './estimate.ts';
export { costBasisOf, costOfAttempts } from './fold-claude.ts';
export * from './fold-run.ts';
export * from './last-line.ts';
export * from './make-view.ts';
export * from './model-use.ts';
export * from './progress.ts';
export * from './run-reference.ts';
export * from './run-state.ts';
export * from './run-status.ts';
export * from './run-view.ts';
export * from './saved-state.ts';
export * from './select-records.ts';
export * from './stored-state.ts';
export * from './timeline.ts';
export * from './totals.ts';
export * from './view-patch.ts';
