// What kind of error the API or the connection to it had, by the status, the CLI's own word for it and its text. Pure. The
// one classifier of API errors: the judge, the activity of a step and `doctor` use it.
// Words and sentences are those of Claude Code 1.0 to 2.1; its `error` words are the enum of SDKAssistantMessageError.

export type ApiErrorKind =
  /** The API has no capacity or failed itself. A later try may succeed. */
  | 'overloaded'
  /** A rate or usage limit of the account, with or without a known end. */
  | 'rate_limited'
  /** Not logged in, or the login, the key or the organisation is refused. Trying again changes nothing. */
  | 'auth'
  /** The account has no credit or a spend limit is reached. Trying again changes nothing. */
  | 'credit'
  /** The request itself is refused: an unknown model, a prompt that is too long, a malformed message. */
  | 'invalid_request'
  /** No answer came from the API: no connection, no name, no certificate, a timeout. */
  | 'network'
  | 'unknown';

export type ApiErrorFacts = {
  /** The HTTP status, if there was an answer. */
  readonly status?: number | undefined;
  /** The CLI's own word, such as `rate_limit` of an `api_retry` message or of an assistant message. */
  readonly code?: string | undefined;
  /** What the CLI or the API wrote for people. */
  readonly text?: string | undefined;
};

/** The text decides before the status: credit comes as 400, a usage limit as 429 or 400, a revoked login as 403 or 401. */
export function classifyApiError(facts: ApiErrorFacts): ApiErrorKind {
  const { code, text = '' } = facts;
  // `unknown` is also the CLI's word for every failed connection; then there is no status.
  return kindOfText(text) ?? kindOfCode(code) ?? kindOfStatus(facts.status ?? statusIn(text)) ?? 'unknown';
}

/** For people, after a status: `529 (overloaded)`. */
export function nameApiError(kind: ApiErrorKind): string {
  switch (kind) {
    case 'overloaded':
      return 'overloaded';
    case 'rate_limited':
      return 'rate limited';
    case 'auth':
      return 'not logged in, or the login was refused';
    case 'credit':
      return 'no credit left';
    case 'invalid_request':
      return 'request refused';
    case 'network':
      return 'no connection to the API';
    case 'unknown':
      return 'unknown error';
  }
}

/** In this order: a sentence about credit can name a login, and one about a login a limit. */
const sentences: readonly (readonly [ApiErrorKind, RegExp])[] = [
  [
    'credit',
    /credit balance|billing_error|enough credit|add funds|out of (?:usage )?credits|insufficient (?:credit|funds)|monthly (?:spend )?limit|account_on_hold/i,
  ],
  [
    'auth',
    /not logged in|please run \/login|invalid (?:x-)?api[ -]key|authentication_error|authentication_failed|failed to authenticate|oauth (?:access )?(?:token|session) (?:has |is |was )?(?:been )?(?:expired|revoked|invalid)|login (?:has )?expired|permission_error|organi[sz]ation has (?:been )?disabled|could not resolve authentication/i,
  ],
  [
    'rate_limited',
    /rate[ _-]limit|usage limit|(?:session|hour|weekly|daily|opus|sonnet|fable) limit|you've (?:hit|reached) your\b|limit reached|too many requests/i,
  ],
  ['overloaded', /overloaded|internal server error|bad gateway|service unavailable|gateway time-?out|api_error\b/i],
  [
    'invalid_request',
    /invalid_request|prompt is too long|request too large|request_too_large|model_not_found|not_found_error|issue with the selected model/i,
  ],
  [
    'network',
    /connection error|unable to connect|fetch failed|socket hang up|request timed out|\b(?:ECONN\w+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|UND_ERR_\w+)\b|certificate/i,
  ],
];

function kindOfText(text: string): ApiErrorKind | undefined {
  return sentences.find(([, pattern]) => pattern.test(text))?.[0];
}

function kindOfCode(code: string | undefined): ApiErrorKind | undefined {
  switch (code) {
    case 'authentication_failed':
    case 'oauth_org_not_allowed':
    case 'verification_required':
    case 'cloud_credential_error':
      return 'auth';
    case 'billing_error':
    case 'account_on_hold':
      return 'credit';
    case 'rate_limit':
      return 'rate_limited';
    case 'overloaded':
    case 'server_error':
      return 'overloaded';
    case 'invalid_request':
    case 'model_not_found':
      return 'invalid_request';
    default:
      return undefined;
  }
}

function kindOfStatus(status: number | undefined): ApiErrorKind | undefined {
  if (status === undefined) return undefined;
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'credit';
  if (status === 408) return 'network';
  if (status === 429) return 'rate_limited';
  if (status >= 500 && status <= 599) return 'overloaded';
  return status >= 400 && status <= 499 ? 'invalid_request' : undefined;
}

/** `API Error: 529 {"type":"error",…` names the status where the field for it does not exist yet. */
function statusIn(text: string): number | undefined {
  const found = /API Error:? \(?(\d{3})\b/i.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
