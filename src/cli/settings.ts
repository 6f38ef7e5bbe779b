// What every setting is set to, and where: flags over environment over project file over user file over defaults.
// All that is wrong is reported at once, each with its source and what to write instead.
import { type Command, Option } from 'commander';
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
  | {
      readonly ok: true;
      readonly settings: Settings;
      /** Where each value comes from, in words: `--ship-wait`, `STEPSPAN_SHIP_WAIT`, `FILE:LINE` or `default`. */
      readonly from: Readonly<Record<SettingName, string>>;
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Values of flags by setting name, as commander returns them; other flags of the command may be among them. */
export type FlagValues = Readonly<Record<string, unknown>>;

type Given = { readonly raw: unknown; readonly where: string; readonly base: string };

export function loadSettings(around: Surroundings, flags: FlagValues = {}): LoadedSettings {
  const files = settingsFilePaths(around).flatMap((file) => readSettingsFile(file) ?? []);
  const problems = files.flatMap((file) => file.problems);
  const settings: Record<string, unknown> = {};
  const from: Record<string, string> = {};
  for (const name of settingNames) {
    const definition: Setting<unknown> = settingTable[name];
    const given = find(name, around, flags, files);
    from[name] = given?.where ?? 'default';
    if (given === undefined) {
      try {
        settings[name] = definition.default(around);
      } catch (error) {
        problems.push((error as Error).message);
      }
      continue;
    }
    const parsed = definition.kind.parse(given.raw, given.base);
    if (parsed.ok) settings[name] = parsed.value;
    else
      problems.push(
        `${given.where}: ${name} is ${definition.kind.isSecret ? '(not shown)' : shown(given.raw)}, ${parsed.problem.wrong}; write ${parsed.problem.write}`,
      );
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, settings: settings as Settings, from: from as Record<SettingName, string> };
}

/**
 * Adds the flags of settings to a command. `on|off` settings get `--name` and `--no-name`.
 * No default is set on the option, or a flag that nobody gave would win over the environment.
 */
export function addSettingFlags(command: Command, ...names: readonly SettingName[]): Command {
  for (const name of names) {
    const { kind, description, defaultText }: Setting<unknown> = settingTable[name];
    const flag = flagOf(name);
    const help = `${description} (default: ${defaultText.replaceAll('`', '')})`;
    if (kind.name === 'on|off') {
      command
        .addOption(new Option(flag, help))
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
    // An empty variable is one that a shell script meant to leave unset.
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
