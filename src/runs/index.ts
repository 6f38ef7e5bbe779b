// What a run is: its records folded to a state, its alerts, and the views made from both, once for everybody who shows a run.
//
// Owns: the fold (fold-run.ts, fold-step.ts, fold-claude.ts), the rules of alerts (alerts/), the view of a run and its patches
// (run-view.ts, make-view.ts, view-patch.ts), estimates, totals, the text of events, and the catalogue of the runs of a data folder.
// Called by the readers, the API, the hub, the library and the CLI. Records come in from the journal, folded states and views go out;
// all of it is pure but the catalogue and its caches (catalogue.ts, ended-runs.ts, saved-state.ts), which read journals.

export * from '../core/time.ts';
export * from './catalogue.ts';
export * from './closing-events.ts';
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
export * from './sum-costs.ts';
export * from './summarize-question.ts';
export * from './timeline/timeline.ts';
export * from './totals.ts';
export * from './view-patch.ts';
