// One-time codes: each stands in one printed link, can be exchanged for a session once, and is void after five minutes.
// Kept in memory as digests only.
import { randomBytes } from 'node:crypto';
import { digest } from './secret.ts';
import type { Scope } from './token-file.ts';

export type LoginCodes = {
  readonly issue: (scope: Scope) => { readonly code: string; readonly expiresMs: number };
  /** @returns undefined where there is no such code (any more) */
  readonly redeem: (code: string) => Scope | undefined;
};

/** Long enough to move from a terminal to a browser, short enough for a terminal's scroll-back to be harmless. */
const validMs = 5 * 60_000;

/** Who asks for more links than this in five minutes makes the oldest of them void; a code takes 100 bytes. */
const maxCodes = 64;

/** @param now Unix milliseconds; injected by tests */
export function createLoginCodes(now: () => number = Date.now): LoginCodes {
  const codes = new Map<string, { readonly scope: Scope; readonly expiresMs: number }>();
  const dropOld = (): void => {
    for (const [key, { expiresMs }] of codes) if (expiresMs <= now()) codes.delete(key);
  };
  return {
    issue(scope) {
      dropOld();
      if (codes.size >= maxCodes) codes.delete(codes.keys().next().value as string);
      const code = randomBytes(18).toString('base64url');
      const expiresMs = now() + validMs;
      codes.set(digest(code).toString('hex'), { scope, expiresMs });
      return { code, expiresMs };
    },
    redeem(code) {
      dropOld();
      // A look-up by digest tells nothing of a code by the time it takes.
      const key = digest(code).toString('hex');
      const found = codes.get(key);
      codes.delete(key);
      return found?.scope;
    },
  };
}
