// What links to a run are made from, and the time range in which a dashboard shows something of it. Pure. Called by the makers of links.

import { msOfNs } from '../core/time.ts';
import type { RunState } from './run-state.ts';

/** A run by its ids, with its start, end and labels if they are known. */
export type RunReference = Pick<RunState, 'runId' | 'traceId' | 'workflow'> &
  Partial<Pick<RunState, 'startedNs' | 'phase' | 'labels'>>;

/** Where a hub is if nobody says otherwise: on this machine, on the port that it takes by default. */
export const defaultHubUrl = 'http://127.0.0.1:9464';

/**
 * The live page's own address of a run, or of a step of it; see web/route.ts.
 *
 * @param hub the address of the hub as people reach it
 * @param at what is looked at first
 */
export function pageOfRun(
  hub: string,
  runId: string,
  at?: { readonly step?: string | undefined; readonly seq?: number },
): string {
  const page = `${hub.replace(/\/$/, '')}/#/runs/${runId}`;
  if (at === undefined) return page;
  const query = new URLSearchParams({
    ...(at.seq === undefined ? {} : { line: String(at.seq) }),
    ...(at.step === undefined ? {} : { step: at.step }),
  });
  return `${page}/output?${query}`;
}

/** So much is shown before and after a run at least, in ms: its first and last records are not at the very edge. */
const leastMargin = 5_000;

/**
 * The time range of a run as Grafana's addresses have it, in Unix ms; up to `now` while the run is active. A little is added
 * on both sides, in proportion to it, so that a run of seconds fills the screen and one of hours has room at its edges.
 *
 * @returns undefined if its start is not known
 */
export function timeOfRun({ startedNs, phase }: RunReference): { from: string; to: string } | undefined {
  if (startedNs === undefined) return undefined;
  const startMs = msOfNs(startedNs);
  const endMs = phase?.kind === 'finished' ? msOfNs(phase.endedNs) : undefined;
  const margin = Math.max(leastMargin, ((endMs ?? startMs) - startMs) / 20);
  return {
    from: String(Math.floor(startMs - margin)),
    to: endMs === undefined ? 'now' : String(Math.ceil(endMs + margin)),
  };
}
