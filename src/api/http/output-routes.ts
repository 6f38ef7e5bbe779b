// The routes that return lines: ranges of the output, and a search through all of it. Ranges are bounded;
// a search is a stream that runs as fast as it is read and stops when its client leaves. Called by index.ts.
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Response, Router } from 'express';
import type { z } from 'zod';
import { createSelector, parseRegex, parseSearch, type Search } from '../../runs/index.ts';
import type { OutputAnswer, SearchAnswer } from '../schema/answers.ts';
import type { outputQuery } from '../schema/requests.ts';
import { routes } from '../schema/routes.ts';
import { SlowSearch, timed } from '../tail/filter.ts';
import { readLines } from '../whole-lines.ts';
import { type LineSelector, linesBefore, linesFrom, type Range, wantedLines } from './output-range.ts';
import { ApiProblem } from './problem.ts';
import { addRoute, goneSignal } from './read-request.ts';
import type { RunAccess } from './run-access.ts';

/** Searched at once: some milliseconds, also with a regular expression. Then other requests get their turn. */
const searchedBytes = 256 * 1024;

/** How often a search reports its progress: often enough for a bar that moves. */
const progressEveryMs = 200;

const ignore = (): void => undefined;

export function addOutputRoutes(router: Router, runs: RunAccess): void {
  addRoute(router, routes.output, async (response, { id, query }) => {
    const { reader } = await runs.find(id);
    const { firstSeq, nextSeq: headSeq, finished } = await reader.head();
    const selector = selectorOf(query, searchOf(query.search, false));
    const common = { selector, signal: goneSignal(response), firstSeq, headSeq };
    const read = async (): Promise<Range> => {
      const { anchor } = query;
      if (anchor === undefined) return linesFrom(reader, query.from ?? firstSeq, { ...common, limit: query.limit });
      const before = await linesBefore(reader, anchor, { ...common, limit: query.before });
      const after = await linesFrom(reader, anchor, { ...common, limit: query.after });
      return { lines: [...before.lines, ...after.lines], prevSeq: before.prevSeq, nextSeq: after.nextSeq };
    };
    const { lines, prevSeq, nextSeq } = await read();
    const answer: OutputAnswer = { lines, nextSeq: Math.min(nextSeq, headSeq), prevSeq, firstSeq, headSeq, finished };
    response.json(answer);
  });

  addRoute(router, routes.search, async (response, { id, query }) => {
    const { reader } = await runs.find(id);
    const selector = selectorOf(query, searchOf(query.q, query.regex));
    const { firstSeq, nextSeq: headSeq } = await reader.head();
    const from = Math.max(query.from ?? firstSeq, firstSeq);
    await streamSearch(response, { reader, selector, limit: query.limit, from, headSeq });
  });
}

type SearchRun = {
  readonly reader: Awaited<ReturnType<RunAccess['find']>>['reader'];
  readonly selector: LineSelector;
  readonly limit: number;
  readonly from: number;
  readonly headSeq: number;
};

async function streamSearch(response: Response, search: SearchRun): Promise<void> {
  try {
    await writeSearch(response, search);
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    const { code, message, fix } = error;
    // The status was sent long ago, so the last line says what went wrong.
    const answer: SearchAnswer = { error: { code, message, fix } };
    response.end(`${JSON.stringify(answer)}\n`);
  }
}

async function writeSearch(response: Response, { reader, selector, limit, from, headSeq }: SearchRun): Promise<void> {
  const signal = goneSignal(response);
  response.type('application/x-ndjson');
  // A proxy that gathers a stream would hold back what makes it worth having.
  response.set('X-Accel-Buffering', 'no');
  response.flushHeaders();
  const write = async (answer: SearchAnswer): Promise<void> => {
    if (response.write(`${JSON.stringify(answer)}\n`) || signal.aborted) return;
    await once(response, 'drain', { signal }).catch(ignore);
  };
  let hits = 0;
  let next = Math.min(from, headSeq);
  let reportedAt = performance.now();
  // Hits are made text at once, so nothing of a batch is kept.
  const how = { isWhole: true, maxBatchBytes: searchedBytes, reuseMemory: true, signal, onProblem: ignore };
  reading: for await (const batch of readLines(reader, { from: next, ...how })) {
    // Nothing ends the lines that are open at the end of what is searched.
    const searched = batch.endSeq < headSeq ? batch : { ...batch, records: [...batch.records, ...batch.open()] };
    for (const { line, endedAt } of wantedLines(searched, selector)) {
      if (signal.aborted) break reading;
      if (hits >= limit) {
        next = endedAt;
        break reading;
      }
      hits += 1;
      await write({ hit: line });
    }
    next = batch.endSeq;
    // What is written meanwhile is not searched: a run that prints as fast as it is read would have no end.
    if (next >= headSeq) break;
    if (performance.now() - reportedAt >= progressEveryMs) {
      reportedAt = performance.now();
      await write({ progress: { seq: next, headSeq } });
    }
    await turn();
  }
  if (!signal.aborted) await write({ done: { hits, nextSeq: Math.min(next, headSeq), headSeq } });
  response.end();
}

type LineFilter = Pick<z.infer<typeof outputQuery>, 'step' | 'stream' | 'severity'>;

function selectorOf({ step: steps, stream, severity }: LineFilter, search: Search | undefined): LineSelector {
  const { select } = createSelector({ steps, streams: stream, severities: severity, search, events: false });
  const all: LineSelector['select'] = (records) => records.flatMap((record) => select(record));
  return {
    select: search?.kind === 'regex' ? (records) => timely(() => all(records)) : all,
    isWhole: severity !== undefined || search !== undefined,
  };
}

/** An expression that backtracks without end must not hold up all other requests. */
function timely<T>(run: () => T): T {
  try {
    return timed(run);
  } catch (error) {
    if (!(error instanceof SlowSearch)) throw error;
    const message = 'The regular expression takes too long.';
    throw new ApiProblem(
      400,
      'slow_search',
      message,
      'Write it without repeats inside of repeats, or search for a text.',
    );
  }
}

/** @param text its schema has checked that it can be read */
function searchOf(text: string | undefined, isRegex: boolean): Search | undefined {
  if (text === undefined) return undefined;
  const parsed = isRegex ? parseRegex(text) : parseSearch(text);
  return parsed.ok ? parsed.search : undefined;
}
