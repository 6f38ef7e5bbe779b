// The environment of a Claude Code process: it sends its telemetry to the intake, below the step's span. Pure. Called for each
// attempt of a Claude step, and for Claude Code that a step starts.
// Variables: Claude Code's monitoring documentation, tried with 2.1.328.

export type ClaudeEnvironment = {
  /** What the step's process would get otherwise: stepspan's own environment, overlaid by that of workflow and step. */
  readonly base: Readonly<Record<string, string | undefined>>;
  /** Where this attempt's telemetry goes, from `Intake.open`. */
  readonly intake: { readonly url: string; readonly token: string };
  /** W3C traceparent of the attempt's span. */
  readonly traceparent: string;
};

/** The header that carries the intake's token. Claude Code does not decode header values, so it is one that needs no encoding. */
export const TOKEN_HEADER = 'x-stepspan-token';

/**
 * How long its exporters wait, in ms. Short, because a process that is killed loses what it has not sent: one second of
 * spans and logs, five of metrics, which are sums and so not lost with the next export.
 */
const EXPORT_INTERVAL_MS = '1000';
const METRIC_INTERVAL_MS = '5000';

/**
 * What a Claude Code that started stepspan says of itself. If the step's process got it, it would take itself for a part
 * of that session, with its effort level and its message socket.
 */
const OUTER_SESSION: readonly string[] = [
  'CLAUDECODE',
  'CLAUDE_CODE_CHILD_NOTES_DIR',
  'CLAUDE_CODE_CHILD_SESSION',
  'CLAUDE_CODE_ENTRYPOINT',
  'CLAUDE_CODE_EXECPATH',
  'CLAUDE_CODE_MESSAGING_SOCKET',
  'CLAUDE_CODE_MESSAGING_TOKEN',
  'CLAUDE_CODE_SESSION_ATTENDED',
  'CLAUDE_CODE_SESSION_ID',
  'CLAUDE_CODE_SSE_PORT',
  'CLAUDE_EFFORT',
  'CLAUDE_PID',
];

/**
 * The whole environment for the process. OTEL_* of the base are taken out: they are meant for stepspan, which ships
 * Claude's telemetry itself. OTEL_LOG_* stay: with them you ask for prompts and tool content in it. Everything else is
 * passed on, above all the login.
 */
export function claudeEnvironment({ base, intake, traceparent }: ClaudeEnvironment): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) {
    if (value !== undefined && !leadsTelemetry(name) && !OUTER_SESSION.includes(name)) env[name] = value;
  }
  Object.assign(env, telemetryVariables(intake), { TRACEPARENT: traceparent });
  bypassProxy(env);
  return env;
}

/** Whether a variable says where telemetry goes. OTEL_LOG_* ask for more in it, and lead it nowhere. */
export function leadsTelemetry(name: string): boolean {
  return (name.startsWith('OTEL_') && !name.startsWith('OTEL_LOG_')) || TRACING_VARIABLES.includes(name);
}

/** What makes Claude Code report to the intake. */
export function telemetryVariables(intake: {
  readonly url: string;
  readonly token: string;
}): Readonly<Record<string, string>> {
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: '1',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'otlp',
    // Without a protocol it exports nothing, silently.
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_ENDPOINT: intake.url,
    OTEL_EXPORTER_OTLP_HEADERS: `${TOKEN_HEADER}=${intake.token}`,
    OTEL_TRACES_EXPORT_INTERVAL: EXPORT_INTERVAL_MS,
    OTEL_BSP_SCHEDULE_DELAY: EXPORT_INTERVAL_MS,
    OTEL_LOGS_EXPORT_INTERVAL: EXPORT_INTERVAL_MS,
    OTEL_METRIC_EXPORT_INTERVAL: METRIC_INTERVAL_MS,
    // Labels of what outlives a run: no session, no account, no resource attributes.
    OTEL_METRICS_INCLUDE_RESOURCE_ATTRIBUTES: 'false',
    OTEL_METRICS_INCLUDE_SESSION_ID: 'false',
    OTEL_METRICS_INCLUDE_ACCOUNT_UUID: 'false',
  };
}

/**
 * What makes Claude Code report to the intake that is started by its path, as the Agent SDK does. Its detailed tracing has an
 * address of its own, so no other program of the step is led anywhere. Seen with 2.0.72 to 2.1.328; 2.0.42 ignores it.
 */
export function tracingVariables(intake: { readonly tracingUrl: string }): Readonly<Record<string, string>> {
  return { ENABLE_BETA_TRACING_DETAILED: '1', BETA_TRACING_ENDPOINT: intake.tracingUrl };
}

/** Where detailed tracing would lead the telemetry of a Claude Code that reports to the intake by OTEL_* variables. */
export const TRACING_VARIABLES: readonly string[] = ['ENABLE_BETA_TRACING_DETAILED', 'BETA_TRACING_ENDPOINT'];

/** Keeps a proxy out of the way to the intake: it is on loopback, and a proxy for the API must not get its requests. */
export function bypassProxy(env: Record<string, string>): void {
  if (Object.keys(env).some((name) => /^(https?|all)_proxy$/i.test(name))) {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      env[name] = [env[name], '127.0.0.1', 'localhost'].filter((each) => each !== undefined && each !== '').join(',');
    }
  }
}
