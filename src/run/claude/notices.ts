// Which of Claude Code's lesser messages are shown to a person, and with which words. One table, one line each. Pure.
// Types and subtypes: the schema of SDKMessage in Claude Code 2.1.328, which says itself that the set grows.

import { arrayAt, isObject, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { Severity } from '../../core/record.ts';

export type Notice = { readonly text: string; readonly severity: Severity };

/** `known`: of no use to a person, or shown in another way; the raw line is in the journal in any case. */
export type NoticeFound =
  | { readonly kind: 'notice'; readonly notice: Notice }
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' };

type Describe = (message: JsonObject) => Notice | string | undefined;

const shown: Readonly<Record<string, Describe>> = {
  'system/compact_boundary': (message) => {
    const data = objectAt(message, 'compact_metadata');
    const after = numberAt(data, 'post_tokens');
    const tokens = `${numberAt(data, 'pre_tokens') ?? '?'} tokens${after === undefined ? '' : ` to ${after}`}`;
    return `conversation compacted (${textAt(data, 'trigger') ?? 'auto'}): ${tokens}`;
  },
  'system/status': (message) => {
    if (message.compact_result === 'failed') {
      return {
        severity: 'warning',
        text: `compaction failed: ${textAt(message, 'compact_error') ?? 'no reason given'}`,
      };
    }
    // `requesting` comes before each model call and would be half of all lines.
    return message.status === 'compacting' ? 'compacting the conversation' : undefined;
  },
  'system/hook_response': (message) => {
    const outcome = textAt(message, 'outcome') ?? '';
    // Each call of a tool can have several hooks. One that succeeds is not shown, nor one that blocks a call by exit code 2:
    // the denied call itself is.
    if (outcome !== 'error' || isBlockingHook(message)) return undefined;
    const text = `hook ${textAt(message, 'hook_name') ?? ''}: ${outcome}`;
    return { severity: 'warning', text: `${text}: ${firstOf(message, 'stderr', 'output', 'stdout')}` };
  },
  'system/task_started': (message) => {
    const who = textAt(message, 'subagent_type');
    const where = message.is_backgrounded === true ? ' in the background' : '';
    return `${who === undefined ? 'task' : `subagent ${who}`} started${where}: ${textAt(message, 'description') ?? ''}`;
  },
  'system/task_notification': (message) => {
    const status = textAt(message, 'status') ?? '';
    const text = `task ${status}: ${textAt(message, 'summary') ?? ''}`;
    return status === 'failed' ? { severity: 'warning', text } : text;
  },
  'system/agents_killed': () => ({ severity: 'warning', text: 'background agents were ended' }),
  'system/notification': (message) => textAt(message, 'text'),
  'system/informational': (message) => {
    const text = textAt(message, 'content') ?? '';
    return message.level === 'warning' || message.prevent_continuation === true ? { severity: 'warning', text } : text;
  },
  'system/model_fallback': (message) => warning(message, 'content'),
  'system/model_refusal_fallback': (message) => warning(message, 'content'),
  'system/model_refusal_no_fallback': (message) => warning(message, 'content'),
  'system/model_consent_fallback': (message) => warning(message, 'content'),
  'system/permission_retry': (message) => textAt(message, 'content'),
  'system/permission_check_status': (message) =>
    message.status === 'checking' ? 'a tool call waits for its permission check' : undefined,
  'system/session_state_changed': (message) =>
    message.state === 'requires_action' ? { severity: 'warning', text: 'waits for a person to act' } : undefined,
  'system/session_writes_lost': (message) => ({
    severity: 'error',
    text: `the disk is full (${textAt(message, 'error_code') ?? '?'}): the session cannot be resumed in full`,
  }),
  'system/memory_recall': (message) => `${arrayAt(message, 'memories').length} memories recalled`,
  'system/plugin_install': (message) =>
    message.status === 'failed'
      ? {
          severity: 'warning',
          text: `plugin ${textAt(message, 'name') ?? ''} not installed: ${textAt(message, 'error') ?? ''}`,
        }
      : undefined,
  'system/mirror_error': (message) => warning(message, 'error'),
  'system/local_command_output': (message) => textAt(message, 'content'),
  'system/worker_shutting_down': (message) => `shutting down: ${textAt(message, 'reason') ?? ''}`,
  'system/instruction_size_warning': (message) => ({
    severity: 'warning',
    text: `the instruction files hold ${numberAt(message, 'total_chars') ?? '?'} characters, more than is recommended`,
  }),
  tool_use_summary: (message) => textAt(message, 'summary'),
  tool_progress: (message) => {
    const retry = message.subagent_retry;
    if (isObject(retry)) {
      return { severity: 'warning', text: `a subagent retries (${textAt(retry, 'error_category') ?? 'API error'})` };
    }
    // Heartbeats of a running tool: a sign of life, but no news.
    return undefined;
  },
  auth_status: (message) => {
    const error = textAt(message, 'error');
    return error === undefined ? undefined : { severity: 'error', text: `authentication: ${error}` };
  },
  session_notice: (message) => textAt(message, 'text') ?? textAt(message, 'content'),
};

/** Of the schema, and of no interest to a person who watches a run. */
const notShown = new Set([
  'system/api_metrics',
  'system/background_tasks_changed',
  'system/commands_changed',
  'system/control_request_progress',
  'system/elicitation_complete',
  'system/files_persisted',
  'system/hook_progress',
  'system/hook_started',
  'system/post_turn_summary',
  'system/session_metadata',
  'system/session_title_changed',
  'system/shell_cwd',
  'system/stop_hook_summary',
  'system/task_list_statuses',
  'system/task_progress',
  'system/task_summary',
  'system/task_updated',
  'system/thinking_tokens',
  'system/turn_duration',
  'system/vcs_state_changed',
  'command_lifecycle',
  'control_cancel_request',
  'control_request',
  'control_response',
  'keep_alive',
  'prompt_suggestion',
  'stream_event',
  'transcript_mirror',
]);

/** Whether a hook answered "no" rather than failed: exit code 2 is its way to block a call or to ask Claude to continue. */
export function isBlockingHook(message: JsonObject): boolean {
  return numberAt(message, 'exit_code') === 2 && textAt(message, 'hook_event') !== 'UserPromptSubmit';
}

/** @param type `system/SUBTYPE`, or the type of a message without subtypes */
export function noticeOf(type: string, message: JsonObject): NoticeFound {
  const describe = Object.hasOwn(shown, type) ? shown[type] : undefined;
  if (describe === undefined) return { kind: notShown.has(type) ? 'known' : 'unknown' };
  const answer = describe(message);
  if (answer === undefined || answer === '') return { kind: 'known' };
  return { kind: 'notice', notice: typeof answer === 'string' ? { severity: 'info', text: answer } : answer };
}

export type BackgroundTask = {
  readonly description: string;
  /** Nobody waits for a command. An agent or a workflow ends by itself, and a turn with its report follows. */
  readonly isCommand: boolean;
};

/** The background tasks that still run, if the message lists them. */
export function backgroundTasksIn(message: JsonObject): readonly BackgroundTask[] | undefined {
  if (message.type !== 'system' || message.subtype !== 'background_tasks_changed') return undefined;
  return objectsAt(message, 'tasks')
    .filter((task) => task.ambient !== true)
    .map((task) => ({
      description: textAt(task, 'description') ?? textAt(task, 'task_id') ?? 'a task',
      isCommand: !/agent|workflow|teammate/.test(textAt(task, 'task_type') ?? ''),
    }));
}

function warning(message: JsonObject, key: string): Notice | undefined {
  const text = textAt(message, key);
  return text === undefined ? undefined : { severity: 'warning', text };
}

function firstOf(message: JsonObject, ...keys: readonly string[]): string {
  return keys.map((key) => textAt(message, key)?.trim() ?? '').find((text) => text !== '') ?? 'no output';
}
