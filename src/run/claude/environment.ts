// The environment of a Claude Code process: its telemetry goes to our intake, below the step's span. Pure.
// Variables: Claude Code's monitoring documentation, tried with 2.1.328.

export type ClaudeEnvironment = {
  /** What the step's process would get otherwise: the wrapper's environment with that of workflow and step over it. */
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
 * What a Claude Code that started stepspan says of itself. Handed on it would make the step's process take itself for a
 * part of that session, with its effort level and its message socket.
 */
const OUTER_SESSION = [
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
  'TRACESTATE',
] as const;

/**
 * The whole environment for the process. OTEL_* of the base are taken out: they are meant for stepspan, which ships
 * Claude's telemetry itself. OTEL_LOG_* stay, since they are how somebody asks for prompts and tool content in it.
 * Everything else, the person's login above all, is handed on.
 */
export function claudeEnvironment({ base, intake, traceparent }: ClaudeEnvironment): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) {
    const ours = name.startsWith('OTEL_') && !name.startsWith('OTEL_LOG_');
    if (value !== undefined && !ours && !(OUTER_SESSION as readonly string[]).includes(name)) env[name] = value;
  }
  Object.assign(env, telemetryVariables(intake), { TRACEPARENT: traceparent });
  bypassProxy(env);
  return env;
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

/** Keeps a proxy out of the way to the intake. */
export function bypassProxy(env: Record<string, string>): void {
  // The intake is on loopback; a proxy for the API must not get its requests.
  if (Object.keys(env).some((name) => /^(https?|all)_proxy$/i.test(name))) {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      env[name] = [env[name], '127.0.0.1', 'localhost'].filter((each) => each !== undefined && each !== '').join(',');
    }
  }
}
