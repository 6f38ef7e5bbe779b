// One HTTP request with alerts, and what its answer means. Never shows more of an address than its origin: the path of a webhook is
// often a secret. Called by receiver.ts.

import { withoutLogin } from '../../../core/address.ts';
import { formatSetDuration } from '../../../core/duration.ts';
import { secretsOfAddress, secretsOfHeaders, withoutEcho } from '../../../core/echo.ts';
import { toError } from '../../../core/errors.ts';
import { isObject, textAt } from '../../../core/json.ts';

export type PostResult =
  | { readonly kind: 'taken' }
  /** What was sent is not acceptable; sending it again changes nothing. */
  | { readonly kind: 'refused'; readonly message: string }
  /** To be sent again. */
  | { readonly kind: 'failed'; readonly message: string; readonly cause: FailureCause };

/** `misconfigured`: only a person can make it succeed, so it is tried seldom. `busy`: it answered, or was about to. */
export type FailureCause = 'misconfigured' | 'unreachable' | 'busy';

/** An Alertmanager takes alerts into memory, in milliseconds; a webhook behind the internet may take seconds. */
const answerWithinMs = 10_000;

/** So much of an answer is quoted in a message. */
const quotedLength = 200;

/**
 * @param signal ends the request early, as `failed`
 * @param takesPages whether a page of HTML is an answer. If not, a 200 with a page comes from a login or a proxy in front, and
 *   the receiver has got nothing
 */
export async function post(
  url: string,
  body: unknown,
  options: { readonly signal: AbortSignal; readonly takesPages: boolean },
): Promise<PostResult> {
  const { address, headers } = withoutLogin(url);
  const secrets = [...secretsOfAddress(url), ...secretsOfHeaders(headers, [])];
  const timeout = AbortSignal.timeout(answerWithinMs);
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      // A server that answers with another address is not the receiver.
      redirect: 'manual',
      signal: AbortSignal.any([options.signal, timeout]),
    });
    if (response.ok && !options.takesPages && /^text\/html\b/i.test(response.headers.get('content-type') ?? '')) {
      await response.body?.cancel();
      const message = `${originOf(url)} answered ${response.status} with a page of HTML, as a login does; is the address right?`;
      return { kind: 'failed', message, cause: 'misconfigured' };
    }
    // Many say back the path that was asked for, with the token that is in it.
    const text = withoutEcho(await response.text(), secrets)
      .trim()
      .slice(0, quotedLength);
    return resultOf(response.status, `${originOf(url)} answered ${response.status}${text === '' ? '' : `: ${text}`}`);
  } catch (error) {
    const { message, cause } = toError(error);
    const network = isObject(cause) ? cause : {};
    const isOff = network.syscall === 'connect' || network.syscall === 'getaddrinfo';
    const why = timeout.aborted
      ? `gave no answer within ${formatSetDuration(answerWithinMs)}`
      : `cannot be reached: ${textAt(network, 'message') || textAt(network, 'code') || message}`;
    return { kind: 'failed', message: `${originOf(url)} ${why}`, cause: isOff ? 'unreachable' : 'busy' };
  }
}

/** Pure. 400, 413 and 422 are about the content; other 4xx are about who asks and where; the rest passes. */
export function resultOf(status: number, message: string): PostResult {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (status === 400 || status === 413 || status === 422) return { kind: 'refused', message };
  const isMisconfigured = status >= 300 && status < 500 && status !== 408 && status !== 429;
  return { kind: 'failed', message, cause: isMisconfigured ? 'misconfigured' : 'busy' };
}

/** The part of an address that is safe to show. */
export function originOf(url: string): string {
  return URL.parse(url)?.origin ?? 'the address';
}
