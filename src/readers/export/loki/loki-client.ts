// Loki's query API: one page of a log query, with patience for a server that is busy and advice where the settings are wrong.
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time

import { setTimeout as delay } from 'node:timers/promises';
import { withoutLogin } from '../../../core/address.ts';
import { backoffMs, retryAfterMs } from '../../../core/backoff.ts';
import { formatSetDuration } from '../../../core/duration.ts';
import { errorCode, toError } from '../../../core/errors.ts';
import { arrayAt, isObject, type JsonObject, objectAt, objectsAt } from '../../../core/json.ts';
import { LokiError } from './loki-error.ts';

export type LokiAccess = {
  /** The address below which `/loki/api/v1` is. `user:password@` in it is sent as basic authentication. */
  readonly url: string;
  /** Sent with each request, as `authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  /** `X-Scope-OrgID` of a Loki with several tenants. */
  readonly tenant: string | undefined;
};

export type LokiEntry = {
  readonly timeNs: bigint;
  readonly line: string;
  /** Labels of the stream and structured metadata of the entry, dots as underscores. */
  readonly attributes: Readonly<Record<string, string>>;
};

export type LokiPage = {
  readonly query: string;
  /** Inclusive. */
  readonly startNs: bigint;
  /** Exclusive. */
  readonly endNs: bigint;
  readonly limit: number;
};

export type PageAnswer =
  /** Oldest first. As many as `limit`: there may be more. */
  | { readonly kind: 'page'; readonly entries: readonly LokiEntry[] }
  /** Fewer lines, or less time, has to be asked for at once. */
  | { readonly kind: 'too_many'; readonly why: string }
  | { readonly kind: 'too_long'; readonly why: string };

export type LokiClient = { readonly page: (page: LokiPage, signal?: AbortSignal) => Promise<PageAnswer> };

/**
 * A page takes below a second. One whose answer outgrows a gRPC message between Loki's own parts is never answered, and only
 * the wait shows that.
 */
const answerWithinMs = 30_000;
/** 429 and 5xx pass, or somebody has to look: tries with 0.5, 1, 2, 4 and 8 s between them. */
const maxTries = 6;
const firstWaitMs = 500;
/** A server may ask for more patience than a person has. */
const longestWaitMs = 30_000;

/** @param timing shortens the waits, for tests */
export function createLokiClient(
  access: LokiAccess,
  timing: { readonly answerWithinMs?: number; readonly firstWaitMs?: number } = {},
): LokiClient {
  const { address, headers } = requestOf(access);
  const patienceMs = timing.answerWithinMs ?? answerWithinMs;

  async function ask(url: URL, signal: AbortSignal | undefined): Promise<Response | 'no_answer'> {
    const limit = AbortSignal.timeout(patienceMs);
    try {
      return await fetch(url, {
        headers,
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      });
    } catch (error) {
      if (limit.aborted) return 'no_answer';
      if (signal?.aborted === true) throw error;
      const { cause, message } = toError(error);
      const why = errorCode(cause) ?? message;
      throw new LokiError(`Loki at ${address} cannot be reached (${why}): is it running, and is lokiUrl its address?`);
    }
  }

  return {
    async page({ query, startNs, endNs, limit }, signal) {
      const url = new URL('loki/api/v1/query_range', address);
      const end = String(endNs);
      url.search = String(
        new URLSearchParams({ query, start: String(startNs), end, limit: String(limit), direction: 'forward' }),
      );
      for (let tries = 1; ; tries++) {
        const response = await ask(url, signal);
        if (response === 'no_answer')
          return { kind: 'too_many', why: `no answer within ${formatSetDuration(patienceMs)}` };
        if (response.ok) return { kind: 'page', entries: entriesOf(await bodyOf(response, address)) };
        const text = (await response.text()).trim().slice(0, maxShownCharacters);
        const answer = refusal(response.status, text, address);
        if (answer !== 'again') return answer;
        if (tries === maxTries) {
          throw new LokiError(`Loki at ${address} is busy: ${tries} times it answered ${response.status} ${text}`);
        }
        const askedMs = retryAfterMs(response.headers.get('retry-after'), Date.now());
        const ownMs = backoffMs(tries, { firstMs: timing.firstWaitMs ?? firstWaitMs, maxMs: longestWaitMs });
        await delay(Math.min(askedMs ?? ownMs, longestWaitMs), undefined, { signal });
      }
    },
  };
}

/** Of what Loki answers: its errors are a line. A proxy in front of it may answer with a web page. */
const maxShownCharacters = 300;

function requestOf({ url, headers, tenant }: LokiAccess): { address: URL; headers: Record<string, string> } {
  const { address, headers: login } = withoutLogin(url.endsWith('/') ? url : `${url}/`);
  const all: Record<string, string> = {
    ...headers,
    ...login,
    // Labels and structured metadata apart from each other. Without it a name that both have would be ambiguous.
    'x-loki-response-encoding-flags': 'categorize-labels',
  };
  if (tenant !== undefined) all['x-scope-orgid'] = tenant;
  return { address, headers: all };
}

function refusal(status: number, text: string, address: URL): Exclude<PageAnswer, { kind: 'page' }> | 'again' {
  if (status === 429 || (status >= 500 && status !== 501)) return 'again';
  const said = `Loki at ${address} answered ${status}${text === '' ? '' : `: ${text}`}`;
  if (status === 400 && /max entries limit|max_entries_limit/i.test(text)) return { kind: 'too_many', why: said };
  if (status === 400 && /time range exceeds the limit/i.test(text)) return { kind: 'too_long', why: said };
  if (status === 401 || status === 403) {
    const advice = /org ?id/i.test(text)
      ? 'It has several tenants: set lokiTenant (STEPSPAN_LOKI_TENANT).'
      : 'Set what it wants in lokiHeaders (STEPSPAN_LOKI_HEADERS), for example `Authorization=Bearer …`.';
    throw new LokiError(`${said}. ${advice}`);
  }
  if (status === 404) throw new LokiError(`${said}. Is lokiUrl the address below which /loki/api/v1 is?`);
  throw new LokiError(`${said}. Its limits, or lokiSelector (STEPSPAN_LOKI_SELECTOR), do not fit.`);
}

async function bodyOf(response: Response, address: URL): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new LokiError(`${address} does not answer as Loki does, but with something that is not JSON: is it lokiUrl?`);
  }
}

function entriesOf(body: unknown): LokiEntry[] {
  const data = isObject(body) ? objectAt(body, 'data') : {};
  if (data.resultType !== 'streams' || !Array.isArray(data.result)) {
    throw new LokiError(
      'Loki answered with numbers and not with lines: lokiSelector must select streams, as `{a="b"}`',
    );
  }
  const entries = objectsAt(data, 'result').flatMap((stream) => {
    const labels = textsIn(objectAt(stream, 'stream'));
    return arrayAt(stream, 'values').map((value) => entryOf(value, labels));
  });
  return entries.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
}

/** @param value time, line, and what was categorised */
function entryOf(value: unknown, labels: LokiEntry['attributes']): LokiEntry {
  const [time, line, categorised]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof time !== 'string' || !/^\d+$/.test(time) || typeof line !== 'string') {
    throw new LokiError('Loki answered with an entry that is not a time and a line: is lokiUrl the address of a Loki?');
  }
  const metadata = isObject(categorised) ? objectAt(categorised, 'structuredMetadata') : {};
  return { timeNs: BigInt(time), line, attributes: { ...labels, ...textsIn(metadata) } };
}

function textsIn(object: JsonObject): LokiEntry['attributes'] {
  return Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
