// What a step is doing at a moment, as data and in words: the cause that a timeout, a stall or a cancellation names. Pure.
// The stall tracker makes it of Claude Code's messages, the output sink of what a process printed last.
import { formatAge, formatElapsed } from '../../core/duration.ts';
import { cut } from '../../core/json.ts';
import { unreachable } from '../../core/unreachable.ts';
import { type ApiErrorKind, nameApiError } from './api-error.ts';

export type Activity =
  /** Nothing was printed up to then. What is stopped can still print something before it ends. */
  | { readonly kind: 'silent' }
  /** The last line; `isOpen`: it has no line end, as a question has none. */
  | { readonly kind: 'line'; readonly text: string; readonly isOpen: boolean; readonly agoMs: number }
  /** The CLI repeats a request to the API, try `attempt` of `maxRetries`. */
  | {
      readonly kind: 'api_error';
      readonly status: number | undefined;
      readonly error: ApiErrorKind;
      readonly attempt: number;
      readonly maxRetries: number | undefined;
    }
  | { readonly kind: 'rate_limited'; readonly untilMs: number | undefined }
  | { readonly kind: 'tool'; readonly tool: string; readonly argument: string; readonly forMs: number }
  | { readonly kind: 'permission'; readonly tool: string; readonly forMs: number }
  | { readonly kind: 'background'; readonly tasks: number }
  /** The model was asked; `isStreaming`: part of its answer has come. */
  | { readonly kind: 'model'; readonly isStreaming: boolean; readonly forMs: number }
  /** The result line has come. */
  | { readonly kind: 'done' }
  /** No message came yet. */
  | { readonly kind: 'starting' };

/** Of a line or an argument in a message. */
const TEXT_CHARACTERS = 200;
/** A last line that is older than this says when it came: what hangs now may be something else. */
const RECENT_MS = 10_000;

/** One phrase, for the place after "; ". */
export function describeActivity(activity: Activity): string {
  switch (activity.kind) {
    case 'silent':
      return 'it had printed nothing';
    case 'line': {
      const text = cut(activity.text, TEXT_CHARACTERS);
      if (activity.isOpen && asksForAnswer(activity.text)) return `waiting for an answer to: ${text}`;
      const when = activity.agoMs < RECENT_MS ? '' : ` (${formatAge(activity.agoMs)})`;
      return `last line${when}: ${text}`;
    }
    case 'api_error': {
      const name = nameApiError(activity.error);
      const what = activity.status === undefined ? name : `${activity.status} (${name})`;
      const most = activity.maxRetries === undefined ? '' : ` of ${activity.maxRetries}`;
      return `last: API error ${what}, try ${activity.attempt}${most}`;
    }
    case 'rate_limited':
      return `the API limits the rate${activity.untilMs === undefined ? '' : ` until ${dateOf(activity.untilMs)}`}`;
    case 'tool': {
      const argument = activity.argument === '' ? '' : `: ${cut(activity.argument, TEXT_CHARACTERS)}`;
      return `${activity.tool} has been running for ${formatElapsed(activity.forMs)}${argument}`;
    }
    case 'permission':
      return `${activity.tool} has been waiting for a permission for ${formatElapsed(activity.forMs)}`;
    case 'background':
      return `${activity.tasks === 1 ? 'a background task is' : `${activity.tasks} background tasks are`} running`;
    case 'model':
      return activity.isStreaming
        ? 'the model was writing its answer'
        : `the model has been asked for ${formatElapsed(activity.forMs)}`;
    case 'done':
      return 'it had given its result';
    case 'starting':
      return 'Claude Code was starting';
    default:
      return unreachable(activity);
  }
}

/**
 * A question, a prompt for a password or a choice: `Sure? [y/N] `, `Password:`, `mysql>`, `Press Enter to continue...`. A progress
 * bar also ends in a bracket or in `>`, as in `45%|###  | 45/100 [00:01<00:01, 30.1it/s]`.
 */
function asksForAnswer(line: string): boolean {
  return questions.some((form) => form.test(line));
}

const questions = [
  /[?:]\s*$/,
  /\?\s[^%]*[\])]\s*$/,
  /[[(][a-z]+(?:\/[a-z]+)+[\])]\s*$/i,
  /(?:^|[^\s=\-#*.>])\s?>\s*$/,
  /\bpress\b.*\b(?:enter|return|key)\b/i,
];

function dateOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString();
}
