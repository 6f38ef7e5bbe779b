// The searches: through all of one run, and through all runs, newest first. Each is a stream that runs as fast as it is read and stops
// when its client leaves. Called by index.ts.
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Response, Router } from 'express';
import type { z } from 'zod';
import { isRunId } from '../../core/ids.ts';
import { createTimeSlice } from '../../core/time-slice.ts';
import type { JournalReader, ProblemLog } from '../../journal/index.ts';
import type { Catalogue, RunSummary } from '../../runs/index.ts';
import type { LineAnswer, SearchAnswer, SearchRunsAnswer } from '../schema/answers.ts';
import type { searchRunsQuery } from '../schema/requests.ts';
import { routes } from '../schema/routes.ts';
import { readLines } from '../whole-lines.ts';
import { type LineSelector, searchOf, selectorOf } from './line-selector.ts';
import { type FoundLine, wantedLines } from './output-range.ts';
import { ApiProblem } from './problem.ts';
import { addRoute, goneSignal } from './read-request.ts';
import type { RunAccess } from './run-access.ts';

/** Searched at once: some milliseconds, also with a regular expression. Then other requests get their turn. */
const searchedBytes = 256 * 1024;

export function addSearchRoutes(router: Router, catalogue: Catalogue, runs: RunAccess): void {
  addRoute(router, routes.search, async (response, { id, query }) => {
    const { reader, problems } = await runs.find(id);
    const selector = selectorOf(query, searchOf(query.q, query.regex));
    const { firstSeq, nextSeq: headSeq } = await reader.head();
    const from = Math.min(Math.max(query.from ?? firstSeq, firstSeq), headSeq);
    const search = { reader, problems, selector, limit: query.limit, from, headSeq };
    await answerNdjson<SearchAnswer>(response, (answer) => searchOneRun(answer, search));
  });

  addRoute(router, routes.searchRuns, async (response, { query }) =>
    answerNdjson<SearchRunsAnswer>(response, (answer) => searchAllRuns(answer, catalogue, query)),
  );
}

/** How often a search reports its progress: often enough for a bar that moves. */
const progressEveryMs = 200;

type NdjsonAnswer<T> = {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly write: (value: T) => Promise<void>;
};

type ProblemLine = { readonly error: { readonly code: string; readonly message: string; readonly fix: string } };

/** @param produce writes the values. A problem that it throws is the last line, as the status was sent long ago. */
async function answerNdjson<T>(response: Response, produce: (answer: NdjsonAnswer<T>) => Promise<void>): Promise<void> {
  const signal = goneSignal(response);
  response.type('application/x-ndjson');
  // A proxy that gathers a stream would hold back what makes it worth having.
  response.set('X-Accel-Buffering', 'no');
  response.flushHeaders();
  const write = async (value: T | ProblemLine): Promise<void> => {
    if (response.write(`${JSON.stringify(value)}\n`) || signal.aborted) return;
    await once(response, 'drain', { signal }).catch(() => undefined);
  };
  try {
    await produce({ signal, write });
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    const { code, message, fix } = error;
    await write({ error: { code, message, fix } });
  }
  response.end();
}

type SearchRun = {
  readonly reader: JournalReader;
  readonly problems: ProblemLog;
  readonly selector: LineSelector;
  readonly from: number;
  readonly headSeq: number;
};

async function searchOneRun(
  { write, signal }: NdjsonAnswer<SearchAnswer>,
  { limit, ...search }: SearchRun & { readonly limit: number },
): Promise<void> {
  const { from, headSeq } = search;
  let hits = 0;
  let next = from;
  let reportedAt = performance.now();
  reading: for await (const { found, endSeq } of hitsOf(search, signal)) {
    for (const { line, endedAt } of found) {
      if (signal.aborted) break reading;
      if (hits >= limit) {
        next = endedAt;
        break reading;
      }
      hits += 1;
      await write({ hit: line });
    }
    next = endSeq;
    if (performance.now() - reportedAt >= progressEveryMs) {
      reportedAt = performance.now();
      await write({ progress: { seq: next, headSeq } });
    }
  }
  if (signal.aborted) return;
  await write({ done: { hits, nextSeq: Math.min(next, headSeq), headSeq, problems: search.problems.sentences() } });
}

/** Hits in the part of a run that is written now: one that prints as fast as it is read would have no end. */
async function* hitsOf(
  { reader, problems, selector, from, headSeq }: SearchRun,
  signal: AbortSignal,
): AsyncGenerator<{ readonly found: Iterable<FoundLine>; readonly endSeq: number }> {
  // Hits are made text at once, so nothing of a batch is kept.
  const how = { isWhole: true, maxBatchBytes: searchedBytes, reuseMemory: true, signal, onProblem: problems.note };
  for await (const batch of readLines(reader, { from, ...how })) {
    // Nothing ends the lines that are open at the end of what is searched.
    const searched = batch.endSeq < headSeq ? batch : { ...batch, records: [...batch.records, ...batch.open()] };
    yield { found: wantedLines(searched, selector), endSeq: batch.endSeq };
    if (batch.endSeq >= headSeq) break;
    await turn();
  }
}

/** What people print; the raw protocol of Claude Code says the same again. */
const searchedStreams = ['stdout', 'stderr', 'system'] as const;

/** Runs are listed in pages of this many: of ended ones only a summary is in memory. */
const pageRuns = 200;

async function searchAllRuns(
  { write, signal }: NdjsonAnswer<SearchRunsAnswer>,
  catalogue: Catalogue,
  { q, workflow, state: states, limit, lines: maxHits }: z.infer<typeof searchRunsQuery>,
): Promise<void> {
  const search = searchOf(q, false);
  const streams = [...searchedStreams];
  const selector = selectorOf({ stream: streams }, search);
  const mayHaveLine = catalogue.quickTest({ search, streams, events: false });
  let searched = 0;
  let runs = 0;
  let isComplete = true;
  const unreadable: string[] = [];
  let reportedAt = performance.now();
  const slice = createTimeSlice();
  for await (const run of summaries(catalogue, { workflow, states })) {
    if (signal.aborted) return;
    if (performance.now() - reportedAt >= progressEveryMs) {
      reportedAt = performance.now();
      await write({ progress: { runs: searched } });
    }
    searched += 1;
    await slice();
    const { runId } = run;
    if (!isRunId(runId) || !mayHaveLine(runId)) continue;
    const problems = catalogue.problemsOf(runId);
    const { hits, hasMore } = await firstHits(
      { reader: catalogue.readerOf(runId), problems, selector },
      maxHits,
      signal,
    );
    if (problems.sentences().length > 0) unreadable.push(runId);
    if (hits.length === 0) continue;
    if (runs >= limit) {
      isComplete = false;
      break;
    }
    runs += 1;
    await write({ found: { run, hits, hasMore } });
  }
  await write({ done: { runs, searched, isComplete, unreadable } });
}

async function* summaries(
  catalogue: Catalogue,
  filter: Pick<Parameters<Catalogue['list']>[0], 'workflow' | 'states'>,
): AsyncGenerator<RunSummary> {
  let before: string | undefined;
  do {
    const page = await catalogue.list({ ...filter, limit: pageRuns, before });
    yield* page.runs;
    before = page.next;
  } while (before !== undefined);
}

type FirstHits = { readonly hits: readonly LineAnswer[]; readonly hasMore: boolean };

/** Of one run, from its start; the reading ends with the line behind the last hit that is wanted. */
async function firstHits(
  run: Omit<SearchRun, 'from' | 'headSeq'>,
  limit: number,
  signal: AbortSignal,
): Promise<FirstHits> {
  const hits: LineAnswer[] = [];
  const { firstSeq: from, nextSeq: headSeq } = await run.reader.head();
  for await (const { found } of hitsOf({ ...run, from, headSeq }, signal)) {
    for (const { line } of found) {
      if (hits.length >= limit) return { hits, hasMore: true };
      hits.push(shortened(line));
    }
  }
  return { hits, hasMore: false };
}

/** A list shows the beginning of a line; its link leads to all of it. */
const maxHitChars = 500;

function shortened(line: LineAnswer): LineAnswer {
  return line.text.length <= maxHitChars
    ? line
    : { ...line, text: `${line.text.slice(0, maxHitChars).toWellFormed()}…` };
}
