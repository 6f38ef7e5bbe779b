// Signing in: exchanging the one-time code of a link for a cookie, making such links, and saying who one is.
import express, { type Router } from 'express';
import { ApiProblem, addRoute, handleProblems, routes, type SessionAnswer } from '../api/http/index.ts';
import type { RunId } from '../core/ids.ts';
import type { Access } from './access/access.ts';
import { userOfPeer } from './access/peer-user.ts';
import type { Scope } from './access/token-file.ts';

/** What holds for who may act; `canStart` is false for all others. */
export type SessionFacts = Omit<SessionAnswer, 'scope'>;

/** @param baseUrl what printed links begin with */
export function sessionRoutes(access: Access, facts: SessionFacts, baseUrl: () => string): Router {
  const router = express.Router();

  addRoute(router, routes.login, (response, { body: { code }, request }) => {
    const scope = access.codes.redeem(code, () => userOfPeer(request.socket));
    if (scope === undefined) {
      throw new ApiProblem(
        401,
        'bad_code',
        'This link was used already, or is older than five minutes.',
        'Run `stepspan link` and open what it prints.',
      );
    }
    response.set('Set-Cookie', access.cookieFor(scope));
    response.json({ scope });
  });

  addRoute(router, routes.link, (response, { body }) => {
    const { url, expiresMs } = issueLink(access, baseUrl(), body);
    response.json({ url, scope: body.scope, expiresAt: new Date(expiresMs).toISOString() });
  });

  addRoute(router, routes.session, (response) => {
    const scope: Scope = response.locals.scope;
    const answer: SessionAnswer = { scope, ...facts, canStart: facts.canStart && scope === 'control' };
    response.json(answer);
  });
  router.use(handleProblems);
  return router;
}

export type LinkAsked = {
  /** What its reader may do. Default: control. */
  readonly scope?: Scope;
  /** The run that it leads to; all of them without it. */
  readonly runId?: RunId | undefined;
  /**
   * Good only for a browser of the user who runs this server, on this machine: for links that are handed to programs as an
   * argument, which every user of the machine can read. Linux only; elsewhere nobody can use such a link.
   */
  readonly ownUser?: boolean;
};

/** A link to the page that signs in its reader, once, within five minutes. */
export function issueLink(
  { codes }: Access,
  baseUrl: string,
  { scope = 'control', runId, ownUser = false }: LinkAsked,
): { readonly url: string; readonly expiresMs: number } {
  const { code, expiresMs } = codes.issue(scope, ownUser ? process.getuid?.() : undefined);
  // Behind `#`, so that the code is sent to nobody: no server, no proxy, no log.
  return { url: `${baseUrl}/#code=${code}${runId === undefined ? '' : `&to=/runs/${runId}`}`, expiresMs };
}
