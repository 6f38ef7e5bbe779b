// The words of the WebSocket tail: message types, limits and close codes, as docs/tail-protocol.md tells them.
// Types and constants only, so that a browser can import it. It knows neither sockets nor journals.
import type { ClaudeEvent } from '../../core/claude-event.ts';
import type { Event, EventOf, PlannedStep } from '../../core/event.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Severity, Stream } from '../../text/stream.ts';

/** Raised when a message changes its meaning or goes; new messages and new fields do not raise it. */
export const protocolVersion = 1;

/** Offered by a client in `Sec-WebSocket-Protocol`. One that offers nothing is taken to speak version 1. */
export const subprotocol = 'stepspan.tail.v1';

export const tailPath = '/api/v1/tail';

/** What a server holds a client to. Told in `hello`. */
export const limits = {
  /** Bytes of one message from a client: the longest sensible filter is far below. A larger one closes with 1009. */
  maxMessageBytes: 64 * 1024,
  /** Runs on one connection: a page of tiles. Each may hold a block of a journal, 1 MiB. */
  maxSubscriptions: 64,
  /** Step ids in a filter: no workflow has more steps than people can name. */
  maxFilterSteps: 1_000,
  /** Characters of a step id, an execution id, a request id or a nonce. */
  maxNameLength: 256,
  /** Characters of a search: a line of text, or a regular expression somebody can still read. */
  maxSearchLength: 1_000,
  /** Lines in one `output_stream`; a message of short lines is some tens of kilobytes. */
  maxLines: 1_000,
  /** Bytes of lines in one `output_stream`, but for a single line that is longer. */
  maxLineBytes: 64 * 1024,
  /** Messages that could not be understood, before the connection is closed with 4400: a client that is broken. */
  maxBadMessages: 20,
  /** Answers that wait to be taken, before the connection is closed with 4429: a client that asks and does not read. */
  maxUnreadAnswers: 100,
  /** Between pings of the server, in milliseconds. Proxies drop silent connections after 30 to 60 s. */
  pingMs: 20_000,
  /** Pings in a row that were not answered while nothing waited to be taken; then the connection is cut. */
  maxMissedPings: 2,
} as const;

export type Limits = { readonly [K in keyof typeof limits]: number };

/** Why a server closes a connection, beside those that RFC 6455 has every server use (1002, 1007). */
export const closeCodes = {
  /** The server stops. Connect again, to the same address, a little later. */
  goingAway: 1001,
  /** A binary frame: messages are text. */
  binary: 1003,
  /** A message above `maxMessageBytes`. */
  tooBig: 1009,
  /** A defect of the server; connect again. */
  internal: 1011,
  /** More than `maxBadMessages` were not understood. Connecting again does not help. */
  badMessages: 4400,
  /** More than `maxUnreadAnswers` wait to be taken. */
  unreadAnswers: 4429,
} as const;

export type ErrorCode =
  /** The text is no JSON. */
  | 'bad_json'
  /** A field is missing, unknown, or of the wrong type or size. */
  | 'bad_message'
  | 'unknown_type'
  /** There is no such run, or none that this client may see. */
  | 'not_found'
  | 'not_subscribed'
  | 'too_many_subscriptions'
  /** `fromSeq` is behind the end of the journal: it is of another journal, or a crash cut this one. */
  | 'beyond_end'
  /** The journal cannot be read: a later stepspan wrote it, or its files are damaged. */
  | 'journal_unreadable'
  /** The regular expression took so long on a batch of lines that it would hold up everybody. */
  | 'search_too_slow';

/** What a watcher wants to see of a run; nothing given means everything. `streams`, `severities` and `search` are about lines. */
export type Filters = {
  readonly streams?: readonly Stream[];
  /** Ids of steps. What is said of the run as a whole is told as well. */
  readonly steps?: readonly string[];
  readonly severities?: readonly Severity[];
  /** A text that a line must hold, case and all, or a regular expression as `/…/flags`; escapes in the line are passed over. */
  readonly search?: string;
  /** False leaves out everything but lines. */
  readonly events?: boolean;
};

export type Subscribe = {
  readonly type: 'subscribe_execution';
  /** Comes back in `subscribed` or `error`. */
  readonly id?: string;
  readonly executionId: string;
  /** The first number wanted; 0 is the first of the run. `end` begins with what comes next. */
  readonly fromSeq?: number | 'end';
  readonly filters?: Filters;
};

export type ClientMessage =
  | Subscribe
  | { readonly type: 'unsubscribe_execution'; readonly executionId: string }
  | { readonly type: 'jump_to_now'; readonly executionId: string }
  | { readonly type: 'ping'; readonly nonce?: string };

export const clientMessageTypes = [
  'subscribe_execution',
  'unsubscribe_execution',
  'jump_to_now',
  'ping',
] as const satisfies readonly ClientMessage['type'][];

/** One line of output. `text` is UTF-8 with U+FFFD for what is not; escape sequences are kept; no line end. */
export type TailLine = {
  readonly seq: number;
  /** Unix nanoseconds, in digits: a JavaScript number would lose the last three. */
  readonly ns: string;
  readonly severity: Severity;
  readonly text: string;
  /** Goes on where the last line of this step and stream stopped. Only there when true. */
  readonly continues?: true;
  /** Was not ended by a line end. Only there when true. */
  readonly unterminated?: true;
};

export type TailSpan = {
  /** 16 hex digits: an end has the id of its start. */
  readonly id: string;
  readonly parentId: string | null;
  /** `attempt`: of a step. `claude`: a model call or a tool, as Claude Code's telemetry tells it. */
  readonly kind: 'attempt' | 'claude';
  readonly name: string;
  readonly startNs: string | null;
  /** Null while it goes on. */
  readonly endNs: string | null;
  readonly outcome: Outcome['kind'] | null;
};

export type AlertKind = 'stall' | 'stall_cleared' | 'budget' | 'left_over' | 'lost' | 'hidden' | 'recovered';

/** Where in the run something happened; null where it is about the run itself. */
type Place = { readonly step: string | null; readonly attempt: number | null };

/** The data of an event is the event without its type. */
type DataOf<E extends Event> = E extends unknown ? Omit<E, 'type'> : never;

export type ProgressData = {
  readonly currentStep: string | null;
  readonly totalSteps: number;
  readonly completedSteps: number;
  /** 0 to 100; 100 exactly when the run has ended. */
  readonly progress: number;
  /** RFC 3339, as are all times below. */
  readonly startTime: string | null;
  readonly currentStepStartTime: string | null;
  /** Milliseconds. */
  readonly averageStepDuration: number | null;
  readonly estimatedCompletion: string | null;
  /** When the run continues, if all that is active waits for the end of a rate or usage limit. */
  readonly waitingUntil: string | null;
};

/** Without the output as JSON text. */
type StepEnd = Omit<DataOf<EventOf<'step.finished'>>, 'outputJson'>;

/** Messages of the journal: each tells one record, or lines of records. */
export type JournalData = {
  readonly execution_started: Omit<DataOf<EventOf<'run.started'>>, 'definition' | 'writer'> & {
    readonly steps: readonly PlannedStep[];
  };
  readonly execution_completed: DataOf<EventOf<'run.finished'>>;
  readonly execution_failed: DataOf<EventOf<'run.finished'>>;
  readonly execution_cancelled: DataOf<EventOf<'run.finished'>>;
  readonly execution_paused: DataOf<EventOf<'run.paused'>>;
  readonly execution_resumed: DataOf<EventOf<'run.resumed'>>;
  readonly step_started: Place;
  readonly step_completed: Place & StepEnd;
  readonly step_failed: Place & StepEnd;
  readonly step_skipped: Place & StepEnd;
  readonly step_retrying: Place & DataOf<EventOf<'step.retrying'>>;
  readonly step_waiting: Place & DataOf<EventOf<'step.waiting'>>;
  readonly output_stream: Place & { readonly stream: Stream; readonly lines: readonly TailLine[] };
  /** A line that stepspan itself says (`system`), or an event for people that has no message of its own. */
  readonly log_entry: Place & {
    readonly source: 'system' | 'event';
    readonly severity: Severity;
    readonly message: string;
    readonly ns: string;
    /** The event, where it is one. */
    readonly event?: Event;
  };
  readonly resource_update: Place & DataOf<EventOf<'resource.sampled'>>;
  readonly alert_triggered: Place & {
    readonly kind: AlertKind;
    readonly severity: Severity;
    readonly message: string;
    readonly event: Event;
  };
  readonly claude_event: Place & { readonly event: Exclude<ClaudeEvent, { type: 'claude.telemetry' }> };
  /** One or more spans that began or ended. */
  readonly span: Place & { readonly spans: readonly TailSpan[] };
  /** Numbers from `fromSeq` to before `toSeq` are not in the journal (any more). */
  readonly gap: {
    readonly fromSeq: number;
    readonly toSeq: number;
    /** `removed` by retention, `lost` before they were written, `corrupt`, or of a kind this server does not know. */
    readonly why: 'removed' | 'lost' | 'corrupt' | 'unknown';
  };
};

/** Messages about a subscription: where it stands, not what happened. */
export type SubscriptionData = {
  readonly subscribed: {
    readonly id: string | null;
    readonly fromSeq: number;
    /** The number that the next record of the journal gets, or would get. */
    readonly headSeq: number;
  };
  /** Everything that was there has been sent; what follows is live. `ended`: the run is over and nothing follows. */
  readonly caught_up: { readonly seq: number; readonly ended: boolean };
  /** Lines and events between what was sent and the end; told once a second at most, while it is many. */
  readonly lagging: { readonly behindLines: number; readonly headSeq: number };
  /** Numbers from `fromSeq` to before `toSeq` were passed over on request: `lines` lines and events. */
  readonly jumped: { readonly fromSeq: number; readonly toSeq: number; readonly lines: number };
  readonly progress: ProgressData;
};

export type ErrorData = { readonly code: ErrorCode; readonly message: string; readonly id: string | null };

type Message<T extends string, D, Id, Seq> = {
  readonly type: T;
  readonly executionId: Id;
  /** The last number that this message tells of. After it `fromSeq: seq + 1` goes on without gap or repeat. */
  readonly seq: Seq;
  /** RFC 3339 with nanoseconds: the time of that record; of messages that have none, when they were sent. */
  readonly timestamp: string;
  readonly data: D;
};

type Union<Data, Id, Seq> = { [T in keyof Data & string]: Message<T, Data[T], Id, Seq> }[keyof Data & string];

export type JournalMessage = Union<JournalData, string, number>;
/** `seq` is the last number that was sent or passed over, -1 before number 0. */
export type SubscriptionMessage = Union<SubscriptionData, string, number>;
export type ConnectionMessage =
  | Message<'hello', HelloData, null, null>
  | Message<'pong', { readonly nonce: string | null }, null, null>
  | Message<'error', ErrorData, string | null, null>;

export type HelloData = {
  readonly protocol: typeof protocolVersion;
  readonly serverVersion: string;
  /** What this client may do; watching needs `read`. */
  readonly scope: 'read' | 'control';
  readonly limits: Limits;
};

export type TailMessage = JournalMessage | SubscriptionMessage | ConnectionMessage;

export const journalMessageTypes = [
  'execution_started',
  'execution_completed',
  'execution_failed',
  'execution_cancelled',
  'execution_paused',
  'execution_resumed',
  'step_started',
  'step_completed',
  'step_failed',
  'step_skipped',
  'step_retrying',
  'step_waiting',
  'output_stream',
  'log_entry',
  'resource_update',
  'alert_triggered',
  'claude_event',
  'span',
  'gap',
] as const satisfies readonly JournalMessage['type'][];

export const subscriptionMessageTypes = [
  'subscribed',
  'caught_up',
  'lagging',
  'jumped',
  'progress',
] as const satisfies readonly SubscriptionMessage['type'][];

export const connectionMessageTypes = [
  'hello',
  'pong',
  'error',
] as const satisfies readonly ConnectionMessage['type'][];
