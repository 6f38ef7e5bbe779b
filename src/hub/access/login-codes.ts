// One-time codes: each is part of one printed link, can be exchanged for a session once, and expires after five minutes.
// Kept in memory as digests only.
import { randomBytes } from 'node:crypto';
import { digest } from './secret.ts';
import type { Scope } from './token-file.ts';

export type LoginCodes = {
  /** @param forUser the id of the only user of this machine for whom it is good; for codes that others can come to see */
  readonly issue: (scope: Scope, forUser?: number) => { readonly code: string; readonly expiresMs: number };
  /**
   * @param userOf asked only where it matters: which user of this machine shows the code
   * @returns undefined if the code does not exist, was used, or is for another user
   */
  readonly redeem: (code: string, userOf?: () => number | undefined) => Scope | undefined;
};

type Issued = { readonly scope: Scope; readonly expiresMs: number; readonly forUser: number | undefined };

/** Long enough to move from a terminal to a browser, short enough for a terminal's scroll-back to be harmless. */
const validMs = 5 * 60_000;

/** Who asks for more links than this in five minutes makes the oldest of them void; a code takes 100 bytes. */
const maxCodes = 64;

/** @param now Unix milliseconds; injected by tests */
export function createLoginCodes(now: () => number = Date.now): LoginCodes {
  const codes = new Map<string, Issued>();
  const dropOld = (): void => {
    for (const [key, { expiresMs }] of codes) if (expiresMs <= now()) codes.delete(key);
  };
  return {
    issue(scope, forUser) {
      dropOld();
      const [oldest] = codes.keys();
      if (codes.size >= maxCodes && oldest !== undefined) codes.delete(oldest);
      const code = randomBytes(18).toString('base64url');
      const expiresMs = now() + validMs;
      codes.set(digest(code).toString('hex'), { scope, expiresMs, forUser });
      return { code, expiresMs };
    },
    redeem(code, userOf = () => undefined) {
      dropOld();
      // The time that a look-up by digest takes reveals nothing about a code.
      const key = digest(code).toString('hex');
      const found = codes.get(key);
      // Who is not meant cannot spoil it for who is.
      if (found === undefined || (found.forUser !== undefined && found.forUser !== userOf())) return undefined;
      codes.delete(key);
      return found.scope;
    },
  };
}
