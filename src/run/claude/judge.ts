// How an attempt of a Claude Code step ended: by the result line first, then by the exit. Pure. The engine, which knows of
// timeouts, cancellations and stalls itself, asks here what Claude Code and its process say.
import type { Findings } from '../../core/finding.ts';
import { cut } from '../../core/json.ts';
import type { FailureReason, Outcome } from '../../core/outcome.ts';
import { unreachable } from '../../core/unreachable.ts';
import { findingsByKind } from '../../runs/describe-findings.ts';
import { classifyApiError } from './api-error.ts';
import { plain } from './readable.ts';
import { creditHelp, loginHelp } from './refused-account.ts';
import type { ClaudeResult } from './result.ts';

export type ClaudeExit = {
  /** The newest result line, if any came. */
  readonly result: ClaudeResult | undefined;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines that the process wrote to stderr, oldest first. */
  readonly stderrTail: readonly string[];
  /** Why a process is ended by the signal; undefined if that is not known. */
  readonly causeOfSignal?: string | undefined;
  /** stepspan itself ended the process, so the signal explains nothing. */
  readonly endedByUs: boolean;
  /** The step has a JSON schema, so a result without structured output is a failure. */
  readonly wantsStructuredOutput: boolean;
  /** What denied tool calls mean for the outcome. */
  readonly onDenied: 'fail' | 'warn';
  readonly findings: Findings;
};

/** Lines of stderr in a message, and characters of one: enough for an error and its cause on one screen line or two. */
const STDERR_LINES = 3;
const STDERR_CHARACTERS = 200;
/** Of the CLI's own words in a message. */
const SAID_CHARACTERS = 400;

/** @returns success, `failure` with `claude_error`, `not_logged_in`, `no_credit` or `denied`, `error/budget`, `error/signal` or `error/no_result` */
export function judgeClaude(exit: ClaudeExit): Outcome {
  const { result } = exit;
  if (result === undefined) return withoutResult(exit);
  if (result.subtype === 'error_max_budget_usd') {
    const said = saidOf(result, 'the maximum budget was reached');
    const message = `Claude Code stopped at its budget: ${said}; raise maxBudgetUsd of the step or give it less to do`;
    return { kind: 'error', reason: 'budget', message, ...codeOf(exit) };
  }
  if (result.isError || result.subtype !== 'success') return failure(exit, whatToDo(result), accountReason(result));
  if (exit.wantsStructuredOutput && result.structuredOutput === undefined) {
    return failure(
      exit,
      'Claude Code gave no output for the JSON schema; ask for it in the prompt or simplify the schema',
    );
  }
  const denials = exit.findings.counts.denied ?? 0;
  if (exit.onDenied === 'fail' && denials > 0) return deniedOutcome(exit);
  // An exit code after a good result is that of the shutdown, for example if it hung and was ended.
  return { kind: 'success' };
}

function deniedOutcome(exit: ClaudeExit): Outcome {
  const said = findingsByKind(exit.findings).find(({ kind }) => kind === 'denied')?.text ?? '';
  const message = `${said}; allow them with allowedTools or permissionMode, or set onDenied: warn`;
  return { kind: 'failure', reason: 'denied', message, ...codeOf(exit) };
}

function failure(exit: ClaudeExit, message: string, reason: FailureReason = 'claude_error'): Outcome {
  return { kind: 'failure', reason, message, ...codeOf(exit) };
}

/** What is wrong with the account has a reason of its own, since no further attempt helps. */
function accountReason(result: ClaudeResult): FailureReason {
  if (!result.isError) return 'claude_error';
  switch (classifyApiError({ status: result.apiErrorStatus, text: saidOf(result, '') })) {
    case 'auth':
      return 'not_logged_in';
    case 'credit':
      return 'no_credit';
    default:
      return 'claude_error';
  }
}

function whatToDo(result: ClaudeResult): string {
  switch (result.subtype) {
    case 'error_max_turns':
      return `${saidOf(result, 'the maximum number of turns was reached')}: raise maxTurns of the step or give it less to do`;
    case 'error_max_structured_output_retries':
      return `no output fitted the JSON schema (${saidOf(result, 'retries used up')}): simplify the schema or the prompt`;
    case 'error_during_execution':
      return duringExecution(result);
    case 'success':
      return apiError(result);
    default:
      return `Claude Code ended with ${result.subtype === '' ? 'an error' : result.subtype}: ${saidOf(result, 'no reason given')}`;
  }
}

function duringExecution(result: ClaudeResult): string {
  if (result.terminalReason?.startsWith('aborted') === true)
    return 'Claude Code was interrupted in the middle of its turn';
  const said = saidOf(result, 'no reason given');
  if (/no conversation found/i.test(said)) {
    return `${said}: the session to resume is not on this machine or belongs to another folder; run the earlier step again`;
  }
  const start = result.startupFailure === undefined ? '' : ` at its start (${result.startupFailure})`;
  return `Claude Code failed${start}: ${said}`;
}

/** An API error ends a turn with subtype `success` and `is_error`; the text is the CLI's, written for people. */
function apiError(result: ClaudeResult): string {
  const said = saidOf(result, 'an API error');
  const status = result.apiErrorStatus;
  const kind = classifyApiError({ status, text: said });
  switch (kind) {
    case 'auth':
      return `${said}: ${loginHelp}`;
    case 'credit':
      return `${said}: ${creditHelp}`;
    case 'rate_limited':
      return `${said}: the rate limit holds; let the step retry later, or run fewer steps at once`;
    case 'overloaded':
      return `${said}: the API had a fault or was overloaded; let the step retry`;
    case 'network':
      return `${said}: the API cannot be reached; check the network, the proxy and ANTHROPIC_BASE_URL`;
    case 'invalid_request':
      if (status === 404) return `${said}. Name another one under model of the step`;
      return status === 413 || /too (?:long|large)/i.test(said)
        ? `${said}: give the step less to read, or split it`
        : said;
    case 'unknown':
      return said;
    default:
      return unreachable(kind);
  }
}

function saidOf(result: ClaudeResult, otherwise: string): string {
  const said = [...result.errors, result.text].find((text) => text.trim() !== '') ?? otherwise;
  return cut(plain(said).replace(/\s+/g, ' ').trim(), SAID_CHARACTERS).replace(/[.:]$/, '');
}

function withoutResult(exit: ClaudeExit): Outcome {
  const stderr = lastWords(exit.stderrTail);
  const signal = exit.signal ?? signalOfCode(exit.exitCode);
  if (signal !== undefined && !exit.endedByUs) {
    const cause = exit.causeOfSignal === undefined ? '' : ` (${exit.causeOfSignal})`;
    const message = `Claude Code was ended by ${signal}${cause} before its result line${stderr}`;
    return { kind: 'error', reason: 'signal', message, signal, ...codeOf(exit) };
  }
  const how = exit.exitCode === null ? `by ${signal ?? 'an unknown signal'}` : `with exit code ${exit.exitCode}`;
  const message = `Claude Code ended ${how} and without a result line, so nobody can say whether it did its work${stderr}`;
  return { kind: 'error', reason: 'no_result', message, ...codeOf(exit), ...(signal === undefined ? {} : { signal }) };
}

/** The CLI handles SIGINT and SIGTERM and exits with 128 plus their number, as a shell does. */
function signalOfCode(code: number | null): string | undefined {
  const names: Readonly<Record<number, string>> = { 129: 'SIGHUP', 130: 'SIGINT', 137: 'SIGKILL', 143: 'SIGTERM' };
  return code === null ? undefined : names[code];
}

function codeOf(exit: ClaudeExit): { readonly exitCode?: number } {
  return exit.exitCode === null ? {} : { exitCode: exit.exitCode };
}

function lastWords(stderr: readonly string[]): string {
  const lines = stderr.map((line) => plain(line).trim()).filter((line) => line !== '');
  if (lines.length === 0) return '';
  return `; stderr: ${lines
    .slice(-STDERR_LINES)
    .map((line) => cut(line, STDERR_CHARACTERS))
    .join(' | ')}`;
}
