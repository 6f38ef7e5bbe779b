// What a Claude Code process is waiting for, read from its stream-json: the causes behind a silence. Pure: times are passed in,
// in ms, and no timer runs here. The workflow says how long is too long; the engine acts on it.
import type { StallCause } from '../../core/event.ts';
import { type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { Activity } from './activity.ts';
import { classifyApiError } from './api-error.ts';
import { type BackgroundTask, backgroundTasksIn } from './notices.ts';
import { oneLineArgument } from './readable.ts';

/** The causes that can be seen in the stream; that output was closed is seen at the pipe. */
export type ClaudeStallCause = Exclude<StallCause, 'output_closed'>;

export type Waiting = {
  readonly cause: ClaudeStallCause;
  /** Since when, in the clock of the caller. The last sign of life for `no_output`. */
  readonly sinceMs: number;
  /** When the cause is expected to end; for a rate limit that names its end, in Unix ms. */
  readonly untilMs: number | undefined;
};

export type BackgroundWork = {
  /** Nobody waits for `commands`; an agent reports when it ends, and a turn with a result of its own follows. */
  readonly kind: 'commands' | 'agents';
  readonly descriptions: readonly string[];
};

export type StallTracker = {
  /** Takes each message of the stream; see `observe` of the stream-json reader. */
  readonly message: (message: JsonObject, nowMs: number) => void;
  /** A person has answered what it asked: it works again, although its next message may be far off. */
  readonly answered: (nowMs: number) => void;
  /** A session that was interrupted continues with a message. */
  readonly continued: (nowMs: number) => void;
  /** The work that continues after a result line, as Claude Code describes it; undefined without a result or without such work. */
  readonly background: () => BackgroundWork | undefined;
  /** Whether the last turn has given its result and no turn has begun since. */
  readonly isDone: () => boolean;
  /** What it is waiting for. It always waits for something; `sinceMs` decides whether that is a stall. */
  readonly waiting: () => Waiting;
  /** What it is doing, for the cause that an outcome names. */
  readonly activity: (nowMs: number) => Activity;
};

/** Errors of `api_retry` that say to come back later, rather than that something is broken. */
const limits = new Set(['rate_limit', 'overloaded', 'billing_error']);

/** After these the process continues with a turn. Others, such as a late report of a rate limit, can follow a result. */
const working = new Set(['assistant', 'user', 'stream_event', 'system/init', 'system/status', 'system/task_progress']);

type Held =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'limit'; readonly sinceMs: number; readonly untilMs: number | undefined }
  | { readonly kind: 'permission'; readonly sinceMs: number; readonly tool: string }
  | { readonly kind: 'result'; readonly sinceMs: number };

type Running = { readonly tool: string; readonly argument: string; readonly sinceMs: number };
type ApiFailure = Pick<Extract<Activity, { kind: 'api_error' }>, 'status' | 'error' | 'attempt' | 'maxRetries'>;
type Phase =
  | { readonly kind: 'starting' }
  | { readonly kind: 'asked'; readonly sinceMs: number }
  | { readonly kind: 'streaming'; readonly sinceMs: number };

/** What the messages so far have shown of the process. */
type Tracking = {
  held: Held;
  /** Of the last sign of life. */
  lifeMs: number;
  backgroundTasks: readonly BackgroundTask[];
  /** Tool calls without a result, by id. */
  readonly running: Map<string, Running>;
  apiError: ApiFailure | undefined;
  phase: Phase;
};

/** @param startMs when the process was started */
export function createStallTracker(startMs: number): StallTracker {
  const tracking: Tracking = {
    held: { kind: 'nothing' },
    lifeMs: startMs,
    backgroundTasks: [],
    running: new Map(),
    apiError: undefined,
    phase: { kind: 'starting' },
  };
  return {
    message(message, nowMs) {
      tracking.lifeMs = nowMs;
      trackTools(tracking, message, nowMs);
      trackModel(tracking, message, nowMs);
      tracking.backgroundTasks = backgroundTasksIn(message) ?? tracking.backgroundTasks;
      tracking.held = heldBy(tracking, message, nowMs);
    },
    answered(nowMs) {
      if (tracking.held.kind === 'permission') tracking.held = { kind: 'nothing' };
      tracking.lifeMs = nowMs;
    },
    continued(nowMs) {
      tracking.held = { kind: 'nothing' };
      tracking.phase = { kind: 'asked', sinceMs: nowMs };
      tracking.lifeMs = nowMs;
    },
    isDone: () => tracking.held.kind === 'result',
    background() {
      const { held, backgroundTasks } = tracking;
      if (held.kind !== 'result' || backgroundTasks.length === 0) return undefined;
      const kind = backgroundTasks.every(({ isCommand }) => isCommand) ? 'commands' : 'agents';
      return { kind, descriptions: backgroundTasks.map(({ description }) => description) };
    },
    waiting: () => waitingFor(tracking),
    activity: (nowMs) => activityAt(tracking, nowMs),
  };
}

function waitingFor({ held, lifeMs, backgroundTasks }: Tracking): Waiting {
  const quiet: Waiting = { cause: 'no_output', sinceMs: lifeMs, untilMs: undefined };
  switch (held.kind) {
    case 'limit':
      return { cause: 'rate_limited', sinceMs: held.sinceMs, untilMs: held.untilMs };
    case 'permission':
      return { cause: 'waiting_for_permission', sinceMs: held.sinceMs, untilMs: undefined };
    case 'result':
      // With -p the CLI waits up to ten minutes for background subagents, and continues with a turn when they end.
      if (backgroundTasks.length > 0) return quiet;
      return { cause: 'no_exit_after_result', sinceMs: held.sinceMs, untilMs: undefined };
    case 'nothing':
      return quiet;
  }
}

function activityAt({ held, apiError, backgroundTasks, running, phase }: Tracking, nowMs: number): Activity {
  // What the conversation waits for comes before what merely runs beside it.
  if (apiError !== undefined) return { kind: 'api_error', ...apiError };
  if (held.kind === 'limit') return { kind: 'rate_limited', untilMs: held.untilMs };
  if (held.kind === 'permission') return { kind: 'permission', tool: held.tool, forMs: nowMs - held.sinceMs };
  if (held.kind === 'result') {
    return backgroundTasks.length === 0 ? { kind: 'done' } : { kind: 'background', tasks: backgroundTasks.length };
  }
  // The one that began first is the one that the turn has waited for longest.
  const [tool] = running.values();
  if (tool !== undefined) {
    return { kind: 'tool', tool: tool.tool, argument: tool.argument, forMs: nowMs - tool.sinceMs };
  }
  if (phase.kind === 'starting') return { kind: 'starting' };
  return { kind: 'model', isStreaming: phase.kind === 'streaming', forMs: nowMs - phase.sinceMs };
}

function heldBy(tracking: Tracking, message: JsonObject, nowMs: number): Held {
  const type = textAt(message, 'type') ?? '';
  const name = type === 'system' ? `system/${textAt(message, 'subtype') ?? ''}` : type;
  const before = (kind: Held['kind']): number =>
    tracking.held.kind === kind && 'sinceMs' in tracking.held ? tracking.held.sinceMs : nowMs;
  switch (name) {
    case 'result':
      return { kind: 'result', sinceMs: nowMs };
    case 'system/api_retry': {
      if (!limits.has(textAt(message, 'error') ?? '')) return { kind: 'nothing' };
      const untilMs = nowMs + (numberAt(message, 'retry_delay_ms') ?? 0);
      return { kind: 'limit', sinceMs: before('limit'), untilMs };
    }
    case 'rate_limit_event': {
      const info = objectAt(message, 'rate_limit_info');
      if (textAt(info, 'status') !== 'rejected')
        return tracking.held.kind === 'limit' ? { kind: 'nothing' } : tracking.held;
      const resets = numberAt(info, 'resetsAt');
      return { kind: 'limit', sinceMs: before('limit'), untilMs: resets === undefined ? undefined : resets * 1000 };
    }
    case 'system/permission_check_status': {
      if (message.status !== 'checking')
        return tracking.held.kind === 'permission' ? { kind: 'nothing' } : tracking.held;
      const tool = tracking.running.get(textAt(message, 'tool_use_id') ?? '')?.tool ?? 'a tool call';
      return { kind: 'permission', sinceMs: before('permission'), tool };
    }
    case 'system/session_state_changed':
      if (message.state === 'requires_action') {
        return { kind: 'permission', sinceMs: before('permission'), tool: 'the session' };
      }
      return tracking.held.kind === 'permission' ? { kind: 'nothing' } : tracking.held;
    case 'control_request': {
      const request = objectAt(message, 'request');
      if (textAt(request, 'subtype') !== 'can_use_tool') return tracking.held;
      return {
        kind: 'permission',
        sinceMs: before('permission'),
        tool: textAt(request, 'tool_name') ?? 'a tool call',
      };
    }
    default:
      return working.has(name) ? { kind: 'nothing' } : tracking.held;
  }
}

function trackTools(tracking: Tracking, message: JsonObject, nowMs: number): void {
  for (const block of objectsAt(objectAt(message, 'message'), 'content')) {
    const id = textAt(block, 'id');
    const answered = textAt(block, 'tool_use_id');
    if (block.type === 'tool_use' && id !== undefined) {
      const argument = oneLineArgument(block.input);
      tracking.running.set(id, { tool: textAt(block, 'name') ?? '', argument, sinceMs: nowMs });
    }
    if (block.type === 'tool_result' && answered !== undefined) tracking.running.delete(answered);
  }
}

/** An error of the API is the cause until the conversation moves. */
function trackModel(tracking: Tracking, message: JsonObject, nowMs: number): void {
  const type = textAt(message, 'type');
  if (type === 'system' && message.subtype === 'api_retry') {
    const status = numberAt(message, 'error_status');
    tracking.apiError = {
      status,
      error: classifyApiError({ status, code: textAt(message, 'error') }),
      attempt: numberAt(message, 'attempt') ?? 0,
      maxRetries: numberAt(message, 'max_retries'),
    };
    return;
  }
  if (type === 'stream_event') {
    tracking.apiError = undefined;
    tracking.phase = { kind: 'streaming', sinceMs: nowMs };
  } else if (type === 'assistant' || type === 'user' || type === 'result') {
    tracking.apiError = undefined;
    tracking.phase = { kind: 'asked', sinceMs: nowMs };
  } else if (tracking.phase.kind === 'starting' && message.subtype === 'init') {
    tracking.phase = { kind: 'asked', sinceMs: nowMs };
  }
}
