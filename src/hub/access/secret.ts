// Comparing secrets, and the signed value of the session cookie. Pure but for the clock that it is given.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Scope, Tokens } from './token-file.ts';

/** Takes as long for a wrong text as for the right one; digests make lengths equal. */
export function isEqualSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A working day and its evening; then one asks for a new link. */
export const sessionMs = 16 * 3_600_000;

/**
 * The value of a cookie: scope, end and a signature with a key made from the token of that scope. Nothing is kept of it, so
 * that it survives the hub; a new token makes every cookie of the old one void.
 */
export function signSession(tokens: Tokens, scope: Scope, nowMs: number): string {
  const body = `${scope}.${nowMs + sessionMs}.${randomBytes(9).toString('base64url')}`;
  return `${body}.${signature(tokens, scope, body)}`;
}

/** @returns undefined if it was not made here, was changed or is too old */
export function verifySession(tokens: Tokens, value: string, nowMs: number): Scope | undefined {
  const [, body = '', scope = '', until = '', signed = ''] =
    /^((read|control)\.(\d{1,15})\.[\w-]{12})\.([\w-]{43})$/.exec(value) ?? [];
  if (scope !== 'read' && scope !== 'control') return undefined;
  return isEqualSecret(signed, signature(tokens, scope, body)) && Number(until) > nowMs ? scope : undefined;
}

function signature(tokens: Tokens, scope: Scope, body: string): string {
  return createHmac('sha256', `stepspan session ${tokens[scope]}`).update(body).digest('base64url');
}
