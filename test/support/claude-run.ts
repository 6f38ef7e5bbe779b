// Runs the real Claude Code CLI once against a scripted Messages API, wired as the engine wires it, and returns everything
// that was seen. The API is a fake because a test cannot reach Anthropic's; the CLI is the real one.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';
import type { Script } from '../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../demo/messages-api/server.ts';
import type { ClaudeEvent } from '../../src/core/claude-event.ts';
import type { Findings } from '../../src/core/finding.ts';
import { newRunId, parentSpanId, traceIdOf, traceparentOf } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Severity } from '../../src/core/record.ts';
import { type ClaudeInvocation, claudeArguments } from '../../src/run/claude/arguments.ts';
import { createCostMeter } from '../../src/run/claude/cost.ts';
import { createSpanDeriver } from '../../src/run/claude/derived-spans.ts';
import { claudeEnvironment } from '../../src/run/claude/environment.ts';
import type { NestingFound } from '../../src/run/claude/intake/nesting.ts';
import { startIntake, type TelemetryArrived } from '../../src/run/claude/intake/server.ts';
import { type ClaudeExit, judgeClaude } from '../../src/run/claude/judge.ts';
import type { ClaudeResult } from '../../src/run/claude/result.ts';
import { createStallTracker, type StallTracker } from '../../src/run/claude/stalls.ts';
import { createStreamJsonReader } from '../../src/run/claude/stream-json.ts';
import type { ClaudeStep } from '../../src/workflow/workflow.ts';

/** Newer than any: takes every flag. */
export const newestVersion = '999.0.0';

const claudePath = path.resolve(import.meta.dirname, '../../node_modules/.bin/claude');

/** A step in its normal form with nothing set but what is given. */
export function claudeStep(given: Partial<ClaudeStep> = {}): ClaudeStep {
  const never = { afterMs: 0, action: 'none' } as const;
  return {
    kind: 'claude',
    id: 'ask',
    name: 'ask',
    needs: [],
    when: { kind: 'success' },
    env: {},
    cwd: undefined,
    timeoutMs: 300_000,
    retries: { max: 0, delayMs: 0, factor: 1, maxDelayMs: 0, on: [], session: 'new' },
    continueOnFailure: false,
    readOnly: false,
    stalls: {
      no_output: never,
      output_closed: never,
      no_exit_after_result: never,
      rate_limited: never,
      waiting_for_permission: never,
    },
    claudeTelemetry: 'path',
    expect: undefined,
    prompt: { kind: 'inline', text: '' },
    model: undefined,
    allowedTools: [],
    disallowedTools: [],
    onDenied: 'warn',
    requireMcp: [],
    permissionMode: undefined,
    maxBudgetUsd: undefined,
    maxTurns: undefined,
    waitForBackgroundMs: undefined,
    systemPrompt: undefined,
    appendSystemPrompt: undefined,
    mcpConfig: undefined,
    jsonSchema: undefined,
    resume: undefined,
    onRateLimit: { kind: 'fail' },
    ask: { kind: 'never' },
    extraArgs: [],
    ...given,
  };
}

/** A home and a working folder that several runs can share, as a resumed session needs. */
export type Place = { readonly home: string; readonly cwd: string; readonly remove: () => void };

export function newPlace(): Place {
  const root = mkdtempSync(path.join(tmpdir(), 'stepspan-claude-'));
  const home = mkdtempSync(path.join(root, 'home-'));
  const cwd = mkdtempSync(path.join(root, 'work-'));
  return { home, cwd, remove: () => rmSync(root, { recursive: true, force: true }) };
}

export type ClaudeRunOptions = {
  readonly script: Script;
  readonly prompt: string;
  readonly step?: Partial<ClaudeStep>;
  readonly invocation?: Partial<ClaudeInvocation>;
  readonly place?: Place;
  /** Another version of the CLI, from `provideClaude`. Default: the installed one. */
  readonly program?: string;
  readonly version?: string;
  /** Put over everything else; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sees each event while the process runs, to act in the middle of it. */
  readonly during?: (event: ClaudeEvent, process: { readonly kill: (signal: NodeJS.Signals) => void }) => void;
  /** Called once the API has its first request. */
  readonly onFirstRequest?: (seen: { readonly kill: (signal: NodeJS.Signals) => void; stalls: StallTracker }) => void;
};

export type ClaudeRun = {
  readonly events: readonly ClaudeEvent[];
  readonly said: readonly { readonly text: string; readonly severity: Severity }[];
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly result: ClaudeResult | undefined;
  readonly findings: Findings;
  readonly telemetry: readonly TelemetryArrived[];
  readonly nesting: NestingFound;
  readonly derived: { readonly request: JsonObject; readonly spans: number };
  readonly stalls: StallTracker;
  readonly cost: ClaudeEvent | undefined;
  readonly api: MessagesApi;
  readonly traceId: string;
  readonly spanId: string;
};

/** Runs it to its end. The API is closed then; its recorded requests stay. */
export async function runClaude(options: ClaudeRunOptions): Promise<ClaudeRun> {
  const api = await startMessagesApi({ script: options.script });
  const place = options.place ?? newPlace();
  const telemetry: TelemetryArrived[] = [];
  const intake = await startIntake({ onRequest: (arrived) => void telemetry.push(arrived) });
  const runId = newRunId();
  const subject = { step: 'ask', attempt: 1 };
  const target = { runId, subject, traceId: traceIdOf(runId), spanId: parentSpanId(runId, 'ask', 1) };
  const opened = intake.open(target);

  const { args, stdin } = claudeArguments(claudeStep(options.step), {
    prompt: options.prompt,
    resumeSessionId: undefined,
    mcpConfigPath: undefined,
    version: options.version ?? newestVersion,
    ...options.invocation,
  });
  const base = claudeEnvironment({
    base: claudeTestEnvironment({ apiUrl: api.url, home: place.home }),
    intake: opened,
    traceparent: traceparentOf(target.traceId, target.spanId),
  });
  const env = Object.fromEntries(
    Object.entries({ ...base, ...options.env }).filter(([, value]) => value !== undefined),
  );
  const child = spawn(options.program ?? claudePath, args, {
    cwd: place.cwd,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.end(stdin);
  const observer = observeClaude(child, options, target);
  if (options.onFirstRequest !== undefined) {
    const { kill, stalls } = observer;
    void api.waitFor(({ body }) => body !== undefined).then(() => options.onFirstRequest?.({ kill, stalls }));
  }
  const { exitCode, signal } = await new Promise<{ exitCode: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, by) => resolve({ exitCode: code, signal: by }));
  });
  await opened.settled();
  const nesting = opened.nesting();
  const run = {
    ...observer.seen(nesting),
    exitCode,
    signal,
    telemetry,
    nesting,
    api,
    traceId: target.traceId,
    spanId: target.spanId,
  };
  await intake.close();
  await api.close();
  if (options.place === undefined) place.remove();
  return run;
}

/** Reads the output of the process as a step does. `seen` is to be called once, after its end. */
function observeClaude(
  child: ChildProcessWithoutNullStreams,
  options: ClaudeRunOptions,
  target: Parameters<typeof createSpanDeriver>[0],
) {
  const kill = (signal: NodeJS.Signals): void => void process.kill(-child.pid!, signal);
  const events: ClaudeEvent[] = [];
  const said: { text: string; severity: Severity }[] = [];
  const meter = createCostMeter();
  const stalls = createStallTracker(Date.now());
  const deriver = createSpanDeriver(target);
  const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
  const reader = createStreamJsonReader({
    meter,
    version: options.version ?? newestVersion,
    emit: (event) => {
      events.push(event);
      options.during?.(event, { kill });
    },
    show: (text, severity) => void said.push({ text, severity }),
    observe: (message) => {
      stalls.message(message, Date.now());
      deriver.message(message, nowNs());
    },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.push(Buffer.from(chunk));
    reader.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  return {
    kill,
    stalls,
    seen(nesting: NestingFound) {
      reader.end();
      return {
        events,
        said,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        result: reader.result(),
        findings: reader.findings(),
        derived: deriver.derive(nesting, nowNs()),
        stalls,
        cost: { type: 'claude.cost', ...meter.finish() } as const,
      };
    },
  };
}

/** The events of one type. */
export function eventsOf<T extends ClaudeEvent['type']>(
  run: ClaudeRun,
  type: T,
): readonly Extract<ClaudeEvent, { type: T }>[] {
  return run.events.filter((event): event is Extract<ClaudeEvent, { type: T }> => event.type === type);
}

/** How the engine would judge the run. */
export function judged(run: ClaudeRun, given: Partial<ClaudeExit> = {}): Outcome {
  const { result, exitCode, signal, stderr } = run;
  const exit = {
    result,
    exitCode,
    signal,
    stderrTail: stderr.split('\n'),
    endedByUs: false,
    wantsStructuredOutput: false,
    onDenied: 'warn' as const,
    findings: run.findings,
  };
  return judgeClaude({ ...exit, ...given });
}
