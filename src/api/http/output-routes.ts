// The routes that give lines: ranges of the output, a search through all of it, and what Claude said. Ranges are bounded;
// a search is a stream that goes as fast as it is read and stops when its reader leaves.
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Response, Router } from 'express';
import { createLineJoiner } from '../../core/join-lines.ts';
import { linesOf, seqCount } from '../../core/record.ts';
import { createSelector, parseRegex, parseSearch, type Search } from '../../runs/index.ts';
import { severities, streams } from '../../text/stream.ts';
import { SlowSearch, timed } from '../tail/filter.ts';
import type { ConversationAnswer, OutputAnswer, SearchAnswer } from './answers.ts';
import { lineAnswer, linesBefore, linesFrom, type Select } from './output-range.ts';
import { ApiProblem } from './problem.ts';
import { bad, type Query, queryOf } from './query.ts';
import { idOf, type RunAccess } from './run-access.ts';

/** A screen has some hundred lines; a page asks for a few of them ahead. */
const defaultLines = 500;
const maxLines = 5_000;

/** More hits than anybody steps through; `nextSeq` says where to go on. */
const defaultHits = 1_000;
const maxHits = 10_000;

/** Searched at once: some milliseconds, also with a regular expression, and then it is everybody else's turn. */
const searchedBytes = 256 * 1024;

/** How often a search says how far it is: often enough for a bar that moves. */
const progressEveryMs = 200;

/** Events are a few hundred bytes each, texts in them cut at their own bounds. */
const defaultTurns = 500;
const maxTurns = 2_000;

const filterNames = ['step', 'stream', 'severity'] as const;
const maxSeq = Number.MAX_SAFE_INTEGER;
const ignore = (): void => undefined;

export function addOutputRoutes(router: Router, runs: RunAccess): void {
  router.get('/runs/:id/output', async (request, response) => {
    const query = queryOf(request, [...filterNames, 'from', 'limit', 'search', 'anchor', 'before', 'after']);
    const { reader } = await runs.find(idOf(request));
    const { firstSeq, nextSeq: headSeq, finished } = await reader.head();
    const search = query.text('search');
    const select = selectOf(query, search === undefined ? undefined : searchOf(search, false));
    const signal = goneSignal(response);
    const anchor = query.count('anchor', { min: 0, max: maxSeq });
    const common = { select, signal, firstSeq, headSeq };
    const count = (name: string, unless: number): number => query.count(name, { min: 0, max: maxLines }) ?? unless;
    const answer = async (): Promise<Pick<OutputAnswer, 'lines' | 'prevSeq' | 'nextSeq'>> => {
      if (anchor === undefined) {
        const from = query.count('from', { min: 0, max: maxSeq }) ?? firstSeq;
        return linesFrom(reader, from, { ...common, limit: count('limit', defaultLines) });
      }
      const before = await linesBefore(reader, anchor, { ...common, limit: count('before', 0) });
      const after = await linesFrom(reader, anchor, { ...common, limit: count('after', 0) });
      return { lines: [...before.lines, ...after.lines], prevSeq: before.prevSeq, nextSeq: after.nextSeq };
    };
    const { lines, prevSeq, nextSeq } = await answer();
    const whole: OutputAnswer = { lines, nextSeq: Math.min(nextSeq, headSeq), prevSeq, firstSeq, headSeq, finished };
    response.json(whole);
  });

  router.get('/runs/:id/search', async (request, response) => {
    const query = queryOf(request, [...filterNames, 'q', 'regex', 'from', 'limit']);
    const { reader } = await runs.find(idOf(request));
    const text = query.text('q');
    if (text === undefined) throw bad('`q` says what to search for', 'Write for example q=error.');
    const select = selectOf(query, searchOf(text, query.flag('regex')));
    const limit = query.count('limit', { min: 1, max: maxHits }) ?? defaultHits;
    const { firstSeq, nextSeq: headSeq } = await reader.head();
    const from = Math.max(query.count('from', { min: 0, max: maxSeq }) ?? firstSeq, firstSeq);
    await streamSearch(response, { reader, select, limit, from, headSeq });
  });

  router.get('/runs/:id/conversation', async (request, response) => {
    const query = queryOf(request, ['step', 'attempt', 'from', 'limit']);
    const { reader } = await runs.find(idOf(request));
    const step = query.text('step');
    const attempt = query.count('attempt', { min: 1, max: 1_000_000 });
    const limit = query.count('limit', { min: 1, max: maxTurns }) ?? defaultTurns;
    const { firstSeq, nextSeq: headSeq } = await reader.head();
    const from = Math.max(query.count('from', { min: 0, max: maxSeq }) ?? firstSeq, firstSeq);
    const turns: ConversationAnswer['turns'][number][] = [];
    let next = Math.min(from, headSeq);
    reading: for await (const records of reader.read({ from: next, signal: goneSignal(response), onProblem: ignore })) {
      for (const record of records) {
        if (turns.length >= limit) break reading;
        next = record.seq + seqCount(record);
        if (record.kind !== 'event' || record.subject === undefined) continue;
        const { event, subject } = record;
        if (!event.type.startsWith('claude.') || event.type === 'claude.telemetry') continue;
        if ((step !== undefined && subject.step !== step) || (attempt !== undefined && subject.attempt !== attempt))
          continue;
        const turn = { seq: record.seq, ns: record.timeNs.toString(), step: subject.step, attempt: subject.attempt };
        turns.push({ ...turn, event: event as ConversationAnswer['turns'][number]['event'] });
      }
    }
    const answer: ConversationAnswer = { turns, nextSeq: Math.min(next, headSeq), headSeq };
    response.json(answer);
  });
}

type SearchRun = {
  readonly reader: Awaited<ReturnType<RunAccess['find']>>['reader'];
  readonly select: Select;
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
    // The status is long sent; what went wrong is the last line.
    const answer: SearchAnswer = { error: { code, message, fix } };
    response.end(`${JSON.stringify(answer)}\n`);
  }
}

async function writeSearch(response: Response, { reader, select, limit, from, headSeq }: SearchRun): Promise<void> {
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
  let toldAt = performance.now();
  // Hits are made text at once, so nothing of a batch is kept.
  const how = { maxBatchBytes: searchedBytes, reuseMemory: true, signal, onProblem: ignore };
  // Joined, as what is searched for may be split over two pieces of a line.
  const joiner = createLineJoiner();
  reading: for await (const records of reader.read({ from: next, ...how })) {
    const last = records.at(-1);
    const end = last === undefined ? next : last.seq + seqCount(last);
    const whole = records.flatMap(joiner.add);
    for (const part of select(end >= headSeq ? [...whole, ...joiner.end()] : whole)) {
      if (part.kind !== 'output') continue;
      for (const line of linesOf(part)) {
        if (signal.aborted) break reading;
        if (hits >= limit) {
          next = line.seq;
          break reading;
        }
        hits += 1;
        await write({ hit: lineAnswer(part, line) });
      }
    }
    next = end;
    // What is written meanwhile is not searched: a run that prints as fast as it is read would have no end.
    if (next >= headSeq) break;
    if (performance.now() - toldAt >= progressEveryMs) {
      toldAt = performance.now();
      await write({ progress: { seq: next, headSeq } });
    }
    await turn();
  }
  if (!signal.aborted) await write({ done: { hits, nextSeq: Math.min(next, headSeq), headSeq } });
  response.end();
}

function selectOf(query: Query, search: Search | undefined): Select {
  const { select } = createSelector({
    steps: query.list('step'),
    streams: query.list('stream', streams),
    severities: query.list('severity', severities),
    search,
    events: false,
  });
  const all: Select = (records) => records.flatMap((record) => select(record));
  return search?.kind === 'regex' ? (records) => timely(() => all(records)) : all;
}

/** An expression that backtracks without end must not hold up everybody else. */
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

function searchOf(text: string, isRegex: boolean): Search {
  const parsed = isRegex ? parseRegex(text) : parseSearch(text);
  if (parsed.ok) return parsed.search;
  throw bad(`the regular expression cannot be read: ${parsed.message}`, 'Mend it, or search for a text.');
}

/** Aborted when the client has gone, so that nobody reads a journal for no one. */
export function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}
