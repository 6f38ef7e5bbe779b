// Notices when the API refuses the account of a session for good. Claude Code tries such a request ten times, over minutes,
// as if it were overloaded; the attempt of the step ends it as soon as it is sure.
import type { ClaudeEvent } from '../../core/claude-event.ts';
import type { Outcome } from '../../core/outcome.ts';
import { classifyApiError } from './api-error.ts';

/** The first try may have used a token that has just expired; Claude Code renews it for the second. */
const sureAfterTries = 2;

/** The outcome with which the attempt is to be ended; undefined while a further try may still succeed. */
export function refusedAccount(event: ClaudeEvent): Outcome | undefined {
  if (event.type !== 'claude.retrying' || event.attempt < sureAfterTries) return undefined;
  const status = /\((\d{3})\)$/.exec(event.error)?.[1];
  const code = event.error.split(' ', 1)[0];
  const kind = classifyApiError({ code, status: status === undefined ? undefined : Number(status) });
  switch (kind) {
    case 'auth':
      return {
        kind: 'failure',
        reason: 'not_logged_in',
        message: `the API refused the login: ${event.error}; ${loginHelp}`,
      };
    case 'credit':
      return {
        kind: 'failure',
        reason: 'no_credit',
        message: `the API refused the account: ${event.error}; ${creditHelp}`,
      };
    default:
      return undefined;
  }
}

export const loginHelp = 'log in with `claude` then /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN';
export const creditHelp = 'add credit to the account, or use another one';
