// Settings files of a person that send Claude Code's telemetry elsewhere: an `env` block in them overrules the environment of
// the process. A file of ours that is passed with `--settings` overrules them in turn (tried with 2.1.328). Called for each
// attempt of a Claude step, and for Claude Code that a step starts.
// Reads and writes files; starts nothing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toError } from '../../core/errors.ts';
import { isObject, type JsonObject, parseObject } from '../../core/json.ts';
import { leadsTelemetry, telemetryVariables } from './environment.ts';
import { missingFlag } from './versions.ts';

export type OverrulingSettings = { readonly file: string; readonly names: readonly string[] };

/** Where Claude Code looks for settings, from the folder it works in. */
type Places = { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd: string };

/** The settings files that set variables of telemetry, the widest first. */
export function findOverrulingSettings({ env, cwd }: Places): readonly OverrulingSettings[] {
  const own = env.CLAUDE_CONFIG_DIR || path.join(env.HOME ?? '', '.claude');
  const files = [path.join(own, 'settings.json'), ...foldersUp(cwd).flatMap(settingsIn)];
  return [...new Set(files)].flatMap((file) => {
    const names = telemetryNames(readSettings(file));
    return names.length === 0 ? [] : [{ file, names }];
  });
}

/** Claude Code takes the root of the project, which can be a folder above; a folder too many does no harm here. */
function foldersUp(folder: string): readonly string[] {
  const above = path.dirname(folder);
  return above === folder ? [folder] : [...foldersUp(above), folder];
}

function settingsIn(folder: string): readonly string[] {
  return ['settings.json', 'settings.local.json'].map((name) => path.join(folder, '.claude', name));
}

function telemetryNames(settings: JsonObject | undefined): readonly string[] {
  return isObject(settings?.env) ? Object.keys(settings.env).filter(isTelemetry) : [];
}

function isTelemetry(name: string): boolean {
  return (
    leadsTelemetry(name) || name === 'CLAUDE_CODE_ENABLE_TELEMETRY' || name === 'CLAUDE_CODE_ENHANCED_TELEMETRY_BETA'
  );
}

export type SettingsFile = {
  readonly path: string;
  /** The arguments of the step, without the `--settings` of its own that went into the file. */
  readonly args: readonly string[];
  readonly remove: () => void;
};

export type SettingsFileOptions = {
  readonly overruling: readonly OverrulingSettings[];
  readonly variables: Readonly<Record<string, string>>;
  /** Arguments that may have a `--settings` of the step's own; Claude Code takes only one. */
  readonly args: readonly string[];
  readonly cwd: string;
};

/**
 * Writes the file. It holds the token of the intake, so only its owner can read it, and it is not on the command line.
 * @returns undefined if the step's own `--settings` cannot be read: Claude Code says what is wrong with it
 */
export function writeSettingsFile(options: SettingsFileOptions): SettingsFile | undefined {
  const { given, rest } = takeSettings(options.args);
  const own =
    given === undefined
      ? {}
      : given.trim().startsWith('{')
        ? parseObject(given)
        : readSettings(path.resolve(options.cwd, given));
  if (own === undefined) return undefined;
  const names = [...options.overruling.flatMap((each) => each.names), ...telemetryNames(own)];
  const { variables } = options;
  const env = {
    ...(isObject(own.env) ? own.env : {}),
    ...Object.fromEntries(names.map((name) => [name, valueFor(name, variables)])),
    ...variables,
  };
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-settings-'));
  const file = path.join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ ...own, env }), { mode: 0o600 });
  return { path: file, args: rest, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export type TelemetrySettings = {
  /** For `--settings`; undefined if nothing has to be overruled. */
  readonly path: string | undefined;
  /** The arguments of the step, without what has gone into that file. */
  readonly args: readonly string[];
  /** Why telemetry goes elsewhere; undefined if no known setting sends it there. */
  readonly elsewhere: string | undefined;
  readonly remove: () => void;
};

/** What one attempt needs so that the settings files of a person do not send its telemetry elsewhere. */
export function overruleSettings(options: {
  readonly setting: Places;
  readonly args: readonly string[];
  readonly telemetry: Parameters<typeof telemetryVariables>[0];
  readonly version: string;
}): TelemetrySettings {
  const { args, setting, telemetry, version } = options;
  const { cwd, env } = setting;
  const none = { path: undefined, args, elsewhere: undefined, remove: () => undefined };
  const overruling = findOverrulingSettings({ env, cwd });
  if (overruling.length === 0 && !hasOverrulingArgument(args, cwd)) return none;
  const where = overruling.map(({ file, names }) => `${names.join(', ')} in the \`env\` of ${file}`).join('; ');
  const elsewhere =
    where === '' ? 'the `--settings` of the step set OTEL_* variables' : `it is sent where ${where} says`;
  if (missingFlag(version, '--settings') !== undefined) return { ...none, elsewhere };
  try {
    const file = writeSettingsFile({ overruling, variables: telemetryVariables(telemetry), args, cwd });
    return file === undefined ? { ...none, elsewhere } : { ...file, elsewhere: undefined };
  } catch (error) {
    return { ...none, elsewhere: `${elsewhere}, and that cannot be overruled: ${toError(error).message}` };
  }
}

/** Whether the arguments have a `--settings` that sets variables of telemetry itself. */
function hasOverrulingArgument(args: readonly string[], cwd: string): boolean {
  const { given } = takeSettings(args);
  if (given === undefined) return false;
  const own = given.trim().startsWith('{') ? parseObject(given) : readSettings(path.resolve(cwd, given));
  return telemetryNames(own).length > 0;
}

/** A variable of one signal goes to the intake too; any other gets an empty value, which stands for none. */
function valueFor(name: string, variables: Readonly<Record<string, string>>): string {
  const [, signal, what] = /^OTEL_EXPORTER_OTLP_(TRACES|METRICS|LOGS)_(ENDPOINT|HEADERS|PROTOCOL)$/.exec(name) ?? [];
  if (signal === undefined) return variables[name] ?? '';
  const general = variables[`OTEL_EXPORTER_OTLP_${what}`] ?? '';
  return what === 'ENDPOINT' ? `${general}/v1/${signal.toLowerCase()}` : general;
}

function takeSettings(args: readonly string[]): {
  readonly given: string | undefined;
  readonly rest: readonly string[];
} {
  const at = args.findIndex((each) => each === '--settings' || each.startsWith('--settings='));
  if (at === -1) return { given: undefined, rest: args };
  const isJoined = args[at] !== '--settings';
  const given = isJoined ? args[at]?.slice('--settings='.length) : args[at + 1];
  return { given, rest: args.toSpliced(at, isJoined ? 1 : 2) };
}

function readSettings(file: string): JsonObject | undefined {
  try {
    return parseObject(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
