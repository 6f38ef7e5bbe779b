// Signing in: exchanging the one-time code of a link for a cookie, making such links, and saying who one is.
import express, { type Router } from 'express';
import { ApiProblem, handleProblems, type SessionAnswer } from '../tail/api/index.ts';
import type { Access } from './access/access.ts';
import type { Scope } from './access/token-file.ts';

export type SessionFacts = Omit<SessionAnswer, 'scope'>;

/** A code has 24 characters. */
const maxCodeLength = 100;

/** @param baseUrl what printed links begin with */
export function sessionRoutes(access: Access, facts: SessionFacts, baseUrl: () => string): Router {
  const router = express.Router();
  const body = express.json({ limit: '4kb', type: 'application/json' });

  router.post('/login', body, (request, response) => {
    const code: unknown = (request.body as { code?: unknown } | undefined)?.code;
    if (typeof code !== 'string' || code.length > maxCodeLength) {
      throw new ApiProblem(400, 'bad_request', 'The body holds no `code`.', 'Send {"code": "…"} as application/json.');
    }
    const scope = access.codes.redeem(code);
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

  router.post('/link', body, (request, response) => {
    const asked: unknown = (request.body as { scope?: unknown } | undefined)?.scope ?? 'control';
    if (asked !== 'read' && asked !== 'control') {
      throw new ApiProblem(400, 'bad_request', '`scope` is neither `read` nor `control`.', 'Send one of these.');
    }
    const { code, expiresMs } = access.codes.issue(asked);
    response.json({ url: linkOf(baseUrl(), code), scope: asked, expiresAt: new Date(expiresMs).toISOString() });
  });

  router.get('/session', (_request, response) => {
    const answer: SessionAnswer = { scope: response.locals.scope as Scope, ...facts };
    response.json(answer);
  });
  router.use(handleProblems);
  return router;
}

/** Behind `#`, so that the code is sent to nobody: no server, no proxy, no log. */
export function linkOf(baseUrl: string, code: string): string {
  return `${baseUrl}/#code=${code}`;
}
