// All entries of a log query over any span of time, page by page, none lost and none twice. Called by loki-source.ts.
// Loki has no cursor: the next page begins at the time of the last entry, and what of that time was given already is left
// out by its identity, which is the one by which Loki itself distinguishes entries: time, text and attributes.
import type { LokiClient, LokiEntry } from './loki-client.ts';
import { LokiError } from './loki-error.ts';

export type Span = { readonly startNs: bigint; readonly endNs: bigint };

/** Loki's own bound by default (`limits_config.max_entries_limit_per_query`). */
const firstLimit = 5000;
/** Fewer lines a page than that, and it is not the number of lines that Loki minds. */
const smallestLimit = 50;
/** A day at first, as most runs are over in one; twice as long behind each that held nothing, up to Loki's own bound. */
const firstWindowNs = 86_400_000_000_000n;
/** By default `limits_config.max_query_length` is 721 hours. */
const longestWindowNs = 30n * firstWindowNs;
const shortestWindowNs = 60_000_000_000n;

export type PagesOptions = {
  readonly query: string;
  readonly span: Span;
  readonly signal?: AbortSignal | undefined;
  /** Lines per page at most; for tests. */
  readonly maxLimit?: number;
};

/** @throws LokiError */
export async function* readPages(
  client: LokiClient,
  { query, span, signal, maxLimit = firstLimit }: PagesOptions,
): AsyncGenerator<readonly LokiEntry[]> {
  let limit = maxLimit;
  let windowNs = firstWindowNs;
  let maxWindowNs = longestWindowNs;
  let from = span.startNs;
  /** Identities of the entries at `from` that were given already. */
  let given = new Set<string>();
  while (from < span.endNs && signal?.aborted !== true) {
    const windowEnd = from + windowNs;
    const isLast = windowEnd >= span.endNs;
    const until = isLast ? span.endNs : windowEnd;
    const answer = await client.page({ query, startNs: from, endNs: until, limit }, signal);
    if (answer.kind === 'too_many') {
      if (limit <= smallestLimit) throw new LokiError(`${answer.why}, although only ${limit} lines were asked for`);
      limit = Math.max(smallestLimit, Math.floor(limit / 2));
      continue;
    }
    if (answer.kind === 'too_long') {
      if (windowNs <= shortestWindowNs) throw new LokiError(answer.why);
      windowNs /= 2n;
      maxWindowNs = windowNs;
      continue;
    }
    const { entries } = answer;
    const fresh = entries.filter((entry) => entry.timeNs > from || !given.has(identityOf(entry)));
    if (fresh.length > 0) yield fresh;
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) {
      from = until;
      given = new Set();
      if (last === undefined && windowNs * 2n <= maxWindowNs) windowNs *= 2n;
      continue;
    }
    if (last.timeNs === from && fresh.length === 0) {
      throw new LokiError(
        `${limit} lines or more have the time ${from}, and Loki returns no more at once: raise its max_entries_limit_per_query`,
      );
    }
    const known = last.timeNs === from ? given : new Set<string>();
    for (const entry of entries) if (entry.timeNs === last.timeNs) known.add(identityOf(entry));
    given = known;
    from = last.timeNs;
  }
}

function identityOf({ timeNs, line, attributes }: LokiEntry): string {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([String(timeNs), line, sorted]);
}
