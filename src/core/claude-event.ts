// What Claude Code does inside a step, as reported by its stream-json and by its own telemetry. No IO.
// The writer of an event bounds its long texts; the raw stream-json line is in the journal on stream `debug`.

import type { ClaudeQuestionKind } from './question.ts';

/** Tokens of one model. The four counts do not overlap: `inputTokens` leaves out those read from a cache. */
export type ModelUsage = {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
  readonly costUsd: number;
};

export type TelemetrySignal = 'traces' | 'logs' | 'metrics';

/** Who has interrupted a turn: a person, or a pause of the run. */
export type InterruptCause = 'person' | 'pause';

/** From where a question was answered: a command, the API, the page, the terminal of the run; `stepspan` if nobody did. */
export type AnswerSource = 'cli' | 'api' | 'page' | 'terminal' | 'stepspan';

/**
 * How a question ended. `continued` and `ended`: the step after an interrupt. `timed_out`: nobody answered in time. `unanswered`: the
 * attempt ended first. `withdrawn`: who asked no
 * longer wants to know.
 */
export const answersGiven = [
  'allowed',
  'allowed_always',
  'denied',
  'chosen',
  'continued',
  'ended',
  'timed_out',
  'unanswered',
  'withdrawn',
] as const;

export type AnswerGiven = (typeof answersGiven)[number];

export type ClaudeEvent =
  /** What an attempt was given, with its values filled in. Long texts lack their middle; `bytes` is the full size of the prompt. */
  | {
      readonly type: 'claude.prompted';
      readonly text: string;
      readonly bytes: number;
      readonly isCut: boolean;
      readonly systemPrompt: string | undefined;
      readonly appendSystemPrompt: string | undefined;
    }
  | {
      readonly type: 'claude.session';
      readonly sessionId: string;
      readonly model: string;
      readonly version: string;
      readonly permissionMode: string;
      readonly tools: readonly string[];
      readonly mcpServers: readonly { readonly name: string; readonly status: string }[];
      /** The folder in which it works, to which its conversation belongs; absent before it was recorded. */
      readonly cwd?: string | undefined;
    }
  /** The session went to another folder, as into a git worktree or out of one. */
  | { readonly type: 'claude.folder_changed'; readonly cwd: string }
  /** `parentToolUseId` names the Task call of the subagent that spoke; undefined for the main agent. */
  | { readonly type: 'claude.message'; readonly text: string; readonly parentToolUseId: string | undefined }
  /** An answer is being written: a sign of life, recorded now and then. `characters` counts the message so far. */
  | { readonly type: 'claude.streaming'; readonly characters: number; readonly parentToolUseId: string | undefined }
  /** Thinking of the model, as far as the API shows it; '' for a block that is encrypted. */
  | { readonly type: 'claude.thinking'; readonly text: string; readonly parentToolUseId: string | undefined }
  | {
      readonly type: 'claude.tool_called';
      readonly toolUseId: string;
      readonly tool: string;
      /** The input as JSON text, cut at its bound. */
      readonly input: string;
      readonly parentToolUseId: string | undefined;
      /** The API itself carries it out, as a web search: no permission is asked and no process runs here. */
      readonly serverSide?: true;
    }
  | {
      readonly type: 'claude.tool_returned';
      readonly toolUseId: string;
      readonly isError: boolean;
      /** The result as text, cut at its bound; `bytes` is its full size. */
      readonly text: string;
      readonly bytes: number;
      readonly parentToolUseId: string | undefined;
      readonly serverSide?: true;
    }
  /** Usage of one model call (one message id), for cost while it runs. Sums are replaced by `claude.cost` at the end. */
  | { readonly type: 'claude.usage'; readonly messageId: string; readonly usage: ModelUsage }
  | {
      readonly type: 'claude.retrying';
      readonly attempt: number;
      readonly maxRetries: number | undefined;
      readonly delayMs: number | undefined;
      readonly error: string;
    }
  | { readonly type: 'claude.rate_limited'; readonly status: string; readonly resetsAt: string | undefined }
  | {
      readonly type: 'claude.permission_denied';
      readonly tool: string;
      readonly toolUseId: string;
      readonly input: string;
      /** The first sentence of the reason that Claude Code gave; older journals do not have it. */
      readonly reason?: string;
    }
  /** Claude Code asks a person, and the call of the tool waits. Closed by one `claude.answered` with the same id. */
  | {
      readonly type: 'claude.asked';
      readonly questionId: string;
      readonly kind: ClaudeQuestionKind;
      readonly tool: string;
      readonly toolUseId: string;
      /** The input of the call as JSON text: whole, or cut in the middle at its bound. */
      readonly input: string;
      readonly isCut: boolean;
      /** What is allowed from then on if it is always allowed, as people write rules; empty if that cannot be done. */
      readonly suggestions: readonly string[];
      /** Unix nanoseconds, in digits, at which stepspan answers in the place of a person. */
      readonly untilNs: string;
      readonly onTimeout: 'deny' | 'fail';
    }
  | {
      readonly type: 'claude.answered';
      readonly questionId: string;
      readonly toolUseId: string;
      readonly answer: AnswerGiven;
      /** Who: a user of the machine, `page` or `api` for those who are known by a token alone, or `stepspan`. */
      readonly by: string;
      readonly from: AnswerSource;
      readonly waitedMs: number;
      /** The reason of a denial, or what was chosen or written; '' if there is none. */
      readonly text: string;
    }
  /** A person has sent it a message, which it takes up within its turn or after it. Absent in older journals: `messageId`. */
  | {
      readonly type: 'claude.told';
      readonly messageId?: string;
      readonly text: string;
      /** As of an answer; `stepspan` for the message with which a turn continues that was interrupted. */
      readonly by: string;
      readonly from: AnswerSource;
    }
  /** It has taken up the message with this id. */
  | { readonly type: 'claude.read'; readonly messageId: string }
  /** Its turn was ended, and its session is kept. For a person it asks how to continue; after a pause it continues with the run. */
  | {
      readonly type: 'claude.interrupted';
      readonly cause: InterruptCause;
      readonly by: string;
      readonly from: AnswerSource;
    }
  /** Any other message that helps a person: compaction, a hook, a status. `text` is one line. */
  | { readonly type: 'claude.notice'; readonly subtype: string; readonly text: string }
  /** A message type, or a block in a message, that this version does not know. Its raw line is kept; it is never fatal. */
  | { readonly type: 'claude.unknown'; readonly messageType: string; readonly blockType?: string }
  | {
      readonly type: 'claude.result';
      readonly subtype: string;
      readonly isError: boolean;
      readonly sessionId: string;
      readonly turns: number;
      readonly durationMs: number;
      readonly durationApiMs: number;
      readonly costUsd: number;
      /** Why `costUsd` is not all of it. */
      readonly costUnknown?: string;
      readonly models: readonly ModelUsage[];
      readonly text: string;
      /** What a JSON schema asked for; undefined without one. */
      readonly structuredOutput: unknown;
    }
  /**
   * Exactly one for each attempt of a Claude step, and for one of a shell step in which Claude Code ran: what it cost, from
   * its result line or its telemetry or, without them, estimated. `unknown` says why a part of it is not known; `costUsd` is
   * then the rest.
   */
  | {
      readonly type: 'claude.cost';
      readonly costUsd: number;
      readonly estimated: boolean;
      readonly unknown?: string;
      readonly models: readonly ModelUsage[];
    }
  /**
   * One OTLP/JSON export request as Claude Code sent it (`ExportTraceServiceRequest` and the like), cleaned of
   * identity and stamped with run and step; or, with `derived`, spans that stepspan made from the stream-json.
   */
  | {
      readonly type: 'claude.telemetry';
      readonly signal: TelemetrySignal;
      readonly derived: boolean;
      readonly items: number;
      /** Data points that were left out of the request; absent if there were none. */
      readonly dropped?: number;
      readonly request: unknown;
    }
  /** Once for each attempt of a Claude step: whether Claude's own spans were found below the step's span. */
  | { readonly type: 'claude.nesting'; readonly ownSpans: number; readonly derivedSpans: number };
