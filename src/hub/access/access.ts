// Who may do what: the one module that every request and every upgrade goes through before anything looks at it.
// Denies by default: a path that is not named here as open needs a token, and a method that is not named as reading needs
// the scope `control`. Of the routes it knows only those that sign in.
import type { IncomingMessage } from 'node:http';
import { type AllowedHosts, isAllowedHost, isLoopback } from '../host-check.ts';
import { createLoginCodes, type LoginCodes } from './login-codes.ts';
import { isEqualSecret, sessionMs, signSession, verifySession } from './secret.ts';
import type { Scope, Tokens } from './token-file.ts';

export type Decision =
  | { readonly kind: 'allowed'; readonly scope: Scope | undefined }
  | {
      readonly kind: 'denied';
      readonly status: 401 | 403;
      readonly code: string;
      readonly message: string;
      readonly fix: string;
    };

export type Access = {
  readonly decide: (request: IncomingMessage, isUpgrade?: boolean) => Decision;
  readonly codes: LoginCodes;
  /** The `Set-Cookie` of a new session. */
  readonly cookieFor: (scope: Scope) => string;
};

export type AccessOptions = {
  readonly tokens: Tokens;
  readonly port: () => number;
  readonly hosts: () => AllowedHosts;
  /** Unix milliseconds; for tests. */
  readonly now?: () => number;
};

const apiPath = '/api/v1';
const readingMethods = new Set(['GET', 'HEAD']);

export function createAccess({ tokens, port, hosts, now = Date.now }: AccessOptions): Access {
  // A browser sends the cookies of a host to all its ports, so two hubs need two names.
  const cookieName = (): string => `stepspan_${port()}`;

  function authenticate(request: IncomingMessage): Caller | 'wrong' | undefined {
    const { authorization } = request.headersDistinct;
    if (authorization !== undefined) {
      // Who shows a token is judged by it alone, whatever cookies come with it.
      const given =
        authorization.length === 1 ? /^Bearer ([0-9a-f]{64})$/i.exec(authorization[0] ?? '')?.[1] : undefined;
      if (given === undefined) return 'wrong';
      const isControl = isEqualSecret(given, tokens.control);
      const isRead = isEqualSecret(given, tokens.read);
      if (isControl) return { scope: 'control', by: 'token' };
      return isRead ? { scope: 'read', by: 'token' } : 'wrong';
    }
    const cookies = cookiesOf(request, cookieName());
    if (cookies.length === 0) return undefined;
    const scope = cookies.length === 1 ? verifySession(tokens, cookies[0] ?? '', now()) : undefined;
    return scope === undefined ? 'wrong' : { scope, by: 'cookie' };
  }

  return {
    codes: createLoginCodes(now),
    cookieFor: (scope) =>
      `${cookieName()}=${signSession(tokens, scope, now())}; Path=${apiPath}; Max-Age=${sessionMs / 1000}; HttpOnly; SameSite=Strict`,
    decide(request, isUpgrade = false) {
      const origin = originOf(request, hosts());
      const refusal = addressRefusal(request, hosts(), origin);
      if (refusal !== undefined) return refusal;
      if (!isUpgrade && isOpen(request, pathOf(request))) return { kind: 'allowed', scope: undefined };
      const caller = authenticate(request);
      if (caller === undefined) {
        return denied(
          401,
          'unauthenticated',
          'Nobody is signed in.',
          'Run `stepspan link` and open what it prints, or send `Authorization: Bearer` with the token of the data folder.',
        );
      }
      if (caller === 'wrong') {
        return denied(
          401,
          'unauthenticated',
          'The token or the session is not valid, or has expired.',
          'Run `stepspan link` and open what it prints, or read the token again.',
        );
      }
      const isReading = readingMethods.has(request.method ?? '');
      const needsOwnPage = isUpgrade || !isReading;
      return callerRefusal(caller, { isReading, needsOwnPage, origin }) ?? { kind: 'allowed', scope: caller.scope };
    },
  };
}

type Origin = 'none' | 'own' | 'foreign';
type Caller = { readonly scope: Scope; readonly by: 'token' | 'cookie' };

/** Undefined if the request is for this server and comes from no other site. */
function addressRefusal(request: IncomingMessage, hosts: AllowedHosts, origin: Origin): Decision | undefined {
  if (!isAllowedHost(request.headersDistinct.host, hosts)) {
    return denied(
      403,
      'host',
      'This Host is not served here.',
      'Use the address that stepspan printed, or name it with --allow-host.',
    );
  }
  if (origin === 'foreign') {
    return denied(
      403,
      'origin',
      'Requests from other sites are not served.',
      'Open the page from the address that stepspan printed.',
    );
  }
  // `GET http://host/path` is for proxies; express would take the path out of it, and this must see what express sees.
  if (/^\/(?!\/)/.test(request.url ?? '')) return undefined;
  return denied(403, 'path', 'The address is not a path of this server.', 'Ask for a path that begins with one slash.');
}

/** Undefined if the caller may do what it asks for. */
function callerRefusal(
  { scope, by }: Caller,
  request: { readonly isReading: boolean; readonly needsOwnPage: boolean; readonly origin: Origin },
): Decision | undefined {
  // A cookie travels by itself, so what it is to change or to open must come from our own page, and say so.
  if (by === 'cookie' && request.needsOwnPage && request.origin !== 'own') {
    return denied(
      403,
      'origin',
      'A session of a browser needs the Origin of its page.',
      'Without a browser, use the token.',
    );
  }
  if (request.isReading || scope === 'control') return undefined;
  return denied(
    403,
    'scope',
    'This session may look and not act.',
    'Run `stepspan link` for one that may, without --read.',
  );
}

/**
 * What needs no token: signing in; the files of the page, which hold nothing of any run; whether the hub lives; and the
 * metrics for this machine alone, where a Prometheus without a token is the usual case.
 */
function isOpen(request: IncomingMessage, path: string): boolean {
  if (path === `${apiPath}/login`) return request.method === 'POST';
  if (path === '/metrics') return isFromLoopback(request);
  return path !== '/api' && !path.startsWith('/api/');
}

/** As it was sent, before any decoding, which is also how express compares it: without regard to case and to a slash at the end. */
function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '').split('?', 1)[0]?.split('#', 1)[0] ?? '';
  return path.toLowerCase().replace(/\/+$/, '') || '/';
}

export function isFromLoopback(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  return isLoopback(address.replace(/^::ffff:/i, ''));
}

function originOf(request: IncomingMessage, hosts: AllowedHosts): Origin {
  const origins = request.headersDistinct.origin ?? [];
  if (origins.length === 0) {
    // Fetch metadata name a foreign site also in requests without an Origin, as for images and scripts. Following a link is fine.
    const site = request.headersDistinct['sec-fetch-site']?.[0] ?? 'none';
    const isNavigation = request.headersDistinct['sec-fetch-mode']?.[0] === 'navigate';
    return site === 'none' || site === 'same-origin' || isNavigation ? 'none' : 'foreign';
  }
  const [only, ...others] = origins;
  const host = /^https?:\/\/([^/?#@\s]+)$/i.exec(only ?? '')?.[1];
  if (others.length > 0 || host === undefined) return 'foreign';
  // The same host in both, so that one allowed name cannot speak for another.
  const own = request.headersDistinct.host?.[0]?.toLowerCase();
  return hosts.has(host.toLowerCase()) && host.toLowerCase() === own ? 'own' : 'foreign';
}

function cookiesOf(request: IncomingMessage, name: string): readonly string[] {
  const all = (request.headersDistinct.cookie ?? []).flatMap((header) => header.split(';'));
  return all.flatMap((pair) => {
    const equals = pair.indexOf('=');
    return equals !== -1 && pair.slice(0, equals).trim() === name ? [pair.slice(equals + 1).trim()] : [];
  });
}

function denied(status: 401 | 403, code: string, message: string, fix: string): Decision {
  return { kind: 'denied', status, code, message, fix };
}
