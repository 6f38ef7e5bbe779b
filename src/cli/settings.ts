// Reads every setting: flags over environment over project file over user file over defaults. Everything that is wrong is
// reported at once, each with its source and what to write instead. Called by every command, through context.ts.
import { type Command, Option } from 'commander';
import { toError } from '../core/errors.ts';
import {
  flagOf,
  type Setting,
  type SettingName,
  type Settings,
  type Surroundings,
  settingNames,
  settingTable,
  spellingsOf,
  variableOf,
} from './setting-table.ts';
import { readSettingsFile, type SettingsFile, settingsFilePaths } from './settings-file.ts';

export { type Settings, surroundings } from './setting-table.ts';

export type LoadedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Values of flags by setting name, as commander returns them; other flags of the command may be among them. */
export type FlagValues = Readonly<Record<string, unknown>>;

type Given = { readonly raw: unknown; readonly where: string; readonly base: string };

export function loadSettings(around: Surroundings, flags: FlagValues = {}): LoadedSettings {
  const files = settingsFilePaths(around).flatMap((file) => readSettingsFile(file) ?? []);
  const problems = files.flatMap((file) => file.problems);
  const settings: Draft = {};
  for (const name of settingNames) {
    const problem = addSetting(settings, name, around, find(name, around, flags, files));
    if (problem !== undefined) problems.push(problem);
  }
  return problems.length === 0 && isComplete(settings) ? { ok: true, settings } : { ok: false, problems };
}

type Draft = { -readonly [Name in SettingName]?: Settings[Name] };

function isComplete(settings: Draft): settings is Settings {
  return settingNames.every((name) => Object.hasOwn(settings, name));
}

const definitions: { readonly [Name in SettingName]: Setting<Settings[Name]> } = settingTable;

/** @returns what is wrong with the given value, or why there is no default; undefined after adding the value */
function addSetting<Name extends SettingName>(
  settings: Draft,
  name: Name,
  around: Surroundings,
  given: Given | undefined,
): string | undefined {
  const definition = definitions[name];
  if (given === undefined) {
    try {
      settings[name] = definition.default(around);
      return undefined;
    } catch (error) {
      return toError(error).message;
    }
  }
  const parsed = definition.kind.parse(given.raw, given.base);
  if (!parsed.ok) {
    const value = definition.kind.isSecret ? '(not shown)' : shown(given.raw);
    return `${given.where}: ${name} is ${value}, ${parsed.problem.wrong}; write ${parsed.problem.write}`;
  }
  settings[name] = parsed.value;
  return undefined;
}

/**
 * Adds the flags of settings to a command. Those that can be off get `--name` and `--no-name`.
 * The option has no default, or a flag that is not given would win over the environment.
 */
export function addSettingFlags(command: Command, ...names: readonly SettingName[]): Command {
  for (const name of names) {
    const { kind, description, defaultText }: Setting<unknown> = settingTable[name];
    const flag = flagOf(name);
    const help = `${description} (default: ${defaultText.replaceAll('`', '')})`;
    if (kind.name.startsWith('on|off')) {
      command
        .addOption(new Option(kind.name === 'on|off' ? flag : `${flag} [${kind.name}]`, help))
        .addOption(new Option(flag.replace('--', '--no-'), 'The opposite.').hideHelp());
    } else command.addOption(new Option(`${flag} <${kind.name}>`, help));
    for (const spelling of spellingsOf(name).slice(1))
      command.addOption(new Option(`${flagOf(spelling)} <${kind.name}>`, `The same as ${flag}.`).hideHelp());
  }
  return command;
}

function find(
  name: SettingName,
  { env, cwd }: Surroundings,
  flags: FlagValues,
  files: readonly SettingsFile[],
): Given | undefined {
  const spellings = spellingsOf(name);
  for (const spelling of spellings)
    if (flags[spelling] !== undefined) return { raw: flags[spelling], where: flagOf(spelling), base: cwd };
  for (const variable of spellings.map(variableOf)) {
    // Shell scripts leave a variable empty to mean unset.
    if (env[variable]) return { raw: env[variable], where: variable, base: cwd };
  }
  for (const file of files) {
    const entry = file.entries.get(name);
    if (entry !== undefined) return { raw: entry.value, where: entry.where, base: file.folder };
  }
  return undefined;
}

function shown(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
