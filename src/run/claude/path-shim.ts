// A small program named `claude` that comes first on the PATH of a step: it sets the variables that make Claude Code
// report to the run, and starts the real one. So only Claude Code gets them, and every other program of the step that
// speaks OpenTelemetry reports where it did before. It finds every `claude` that is started by name, from a shell, a script
// or Claude Code's own Bash tool. One that is started by its path, by `npx` or by the Agent SDK reports by detailed tracing
// (environment.ts, bash-file.ts). Writes and reads files; starts nothing.
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TRACING_VARIABLES } from './environment.ts';

/** The last part of the folder's path, by which one of these programs knows another: a step can run stepspan again. */
export const SHIM_FOLDER = 'claude-on-path';

export type PathShim = {
  /** To be put first on PATH. */
  readonly folder: string;
  /** Processes that were started to answer a prompt (`claude -p`), by pid. */
  readonly started: () => readonly string[];
  readonly remove: () => void;
};

export type PathShimOptions = {
  /** The variables for Claude Code. */
  readonly variables: Readonly<Record<string, string>>;
  /** Without the `/v1/…` part; the pid is appended, so that the processes can be distinguished. */
  readonly endpoint: string;
  readonly traceparent: string;
  /** A settings file for `--settings`, unless the caller passes one of its own. */
  readonly settingsFile?: string | undefined;
};

/** Variables that would send a signal elsewhere, or that are meant for stepspan itself. */
const OVERRULING = [
  ...['TRACES', 'METRICS', 'LOGS'].flatMap((signal) =>
    ['ENDPOINT', 'HEADERS', 'PROTOCOL', 'COMPRESSION', 'TIMEOUT'].map((what) => `OTEL_EXPORTER_OTLP_${signal}_${what}`),
  ),
  ...['COMPRESSION', 'TIMEOUT', 'CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE', 'INSECURE'].map(
    (what) => `OTEL_EXPORTER_OTLP_${what}`,
  ),
  'OTEL_SDK_DISABLED',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_METRICS_TEMPORALITY_PREFERENCE',
  'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
  ...TRACING_VARIABLES,
];

/** @returns undefined if the PATH has no `claude`: a script that asks for one must not find this. */
export function createPathShim(searched: string, options: PathShimOptions): PathShim | undefined {
  if (findOnPath('claude', searched) === undefined) return undefined;
  const parent = mkdtempSync(path.join(tmpdir(), 'stepspan-'));
  const folder = path.join(parent, SHIM_FOLDER);
  mkdirSync(folder);
  const startedFile = path.join(parent, 'started');
  // It holds the token of the intake, so nobody else may read it.
  writeFileSync(path.join(folder, 'claude'), scriptOf(startedFile, options), { mode: 0o700 });
  return {
    folder,
    started() {
      try {
        return readFileSync(startedFile, 'utf8').split('\n').filter(Boolean);
      } catch {
        return [];
      }
    },
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}

/** The program of that name that a shell would start, other than one of these. */
export function findOnPath(name: string, searched: string): string | undefined {
  return searched
    .split(path.delimiter)
    .filter((folder) => folder !== '' && path.basename(folder) !== SHIM_FOLDER)
    .map((folder) => path.join(folder, name))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function scriptOf(startedFile: string, { variables, endpoint, traceparent, settingsFile }: PathShimOptions): string {
  const settings =
    settingsFile === undefined
      ? ''
      : `[ "$prompted" = yes ] && [ "$has_settings" = no ] && set -- --settings ${shellWord(settingsFile)} "$@"\n`;
  return `#!/bin/sh
# Written by stepspan for one step: starts the real Claude Code, and has it report its cost and its spans to the run.
# \`claudeTelemetry: off\` in the workflow leaves it out.
set -f
ifs=$IFS
IFS=:
for folder in $PATH; do
  case $folder in '' | */${SHIM_FOLDER}) continue ;; esac
  if [ -f "$folder/claude" ] && [ -x "$folder/claude" ]; then real=$folder/claude && break; fi
done
IFS=$ifs
set +f
if [ -z "\${real-}" ]; then echo 'claude: not found on PATH' >&2; exit 127; fi
# A Claude Code below a nested \`stepspan run\` reports to that run. Below Claude Code of this run, it is a session of its own.
case \${OTEL_EXPORTER_OTLP_ENDPOINT-} in ${new URL(endpoint).origin}/*) ;;
  *) case \${OTEL_EXPORTER_OTLP_HEADERS-} in *x-stepspan-token=*) exec "$real" "$@" ;; esac ;;
esac
prompted=no
has_settings=no
for word do
  case $word in
    -p | --print | --print=*) prompted=yes ;;
    --settings | --settings=*) has_settings=yes ;;
  esac
done
[ "$prompted" = no ] || echo "$$" >>${shellWord(startedFile)}
unset ${OVERRULING.join(' ')}
${Object.entries(variables)
  .map(([name, value]) => `export ${name}=${shellWord(value)}`)
  .join('\n')}
export OTEL_EXPORTER_OTLP_ENDPOINT=${shellWord(`${endpoint}/`)}"$$"
export TRACEPARENT="\${TRACEPARENT:-${traceparent}}"
if [ -n "\${HTTP_PROXY-}\${http_proxy-}\${HTTPS_PROXY-}\${https_proxy-}\${ALL_PROXY-}\${all_proxy-}" ]; then
  export NO_PROXY="\${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost" no_proxy="\${no_proxy:+$no_proxy,}127.0.0.1,localhost"
fi
${settings}exec "$real" "$@"
`;
}

/** One word for a POSIX shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
