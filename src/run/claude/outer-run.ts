// What a step of one run sets so that Claude Code reports to that run, and how a run inside of it gets rid of it: the inner run
// counts for itself, and the program that its `claudeTelemetry: off` starts reports to nobody. Pure. Called at the start of a run.
import path from 'node:path';
import { BASH_FILE } from './bash-file.ts';
import { leadsTelemetry, TOKEN_HEADER, TRACING_VARIABLES } from './environment.ts';
import { SHIM_FOLDER } from './path-shim.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment as it would be without the step of an outer run. Which run that is, TRACEPARENT still says. */
export function withoutOuterRun(env: Environment): Environment {
  const inner: Record<string, string | undefined> = { ...env };
  const folders = env.PATH?.split(path.delimiter) ?? [];
  if (folders.some(isShim)) inner.PATH = folders.filter((folder) => !isShim(folder)).join(path.delimiter);
  if (path.basename(env.CLAUDE_ENV_FILE ?? '') === BASH_FILE) delete inner.CLAUDE_ENV_FILE;
  if (/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]+\/[0-9a-f]{64}$/.test(env.BETA_TRACING_ENDPOINT ?? ''))
    for (const name of TRACING_VARIABLES) delete inner[name];
  if (env.OTEL_EXPORTER_OTLP_HEADERS?.includes(`${TOKEN_HEADER}=`) === true)
    for (const name of Object.keys(env)) if (leadsTelemetry(name) || turnsOnTelemetry(name)) delete inner[name];
  return inner;
}

function isShim(folder: string): boolean {
  return path.basename(folder) === SHIM_FOLDER;
}

function turnsOnTelemetry(name: string): boolean {
  return name === 'CLAUDE_CODE_ENABLE_TELEMETRY' || name === 'CLAUDE_CODE_ENHANCED_TELEMETRY_BETA';
}
