// Reads settings from YAML files: `stepspan.config.yaml` of the working folder, and the user's own below ~/.config.
// Called by settings.ts, which adds flags and variables.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isMap, isScalar } from 'yaml';
import { errorCode, toError } from '../core/errors.ts';
import { readYamlText } from '../core/yaml-text.ts';
import { isMapping } from '../workflow/source/tree.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { type SettingName, type Surroundings, settingNames, spellingsOf } from './setting-table.ts';

export type FileEntry = { readonly value: unknown; readonly where: string };

export type SettingsFile = {
  /** The folder that relative paths in it start from. */
  readonly folder: string;
  readonly entries: ReadonlyMap<SettingName, FileEntry>;
  readonly problems: readonly string[];
};

/** The files that are looked for, the stronger one first. Neither has to exist. */
export function settingsFilePaths({ env, cwd, home }: Surroundings): readonly string[] {
  const config = env.XDG_CONFIG_HOME;
  const isGiven = config !== undefined && path.isAbsolute(config);
  const userFolder = isGiven ? config : home === undefined ? undefined : path.join(home, '.config');
  const project = path.join(cwd, 'stepspan.config.yaml');
  return userFolder === undefined ? [project] : [project, path.join(userFolder, 'stepspan', 'config.yaml')];
}

/** @returns undefined if the file does not exist */
export function readSettingsFile(file: string): SettingsFile | undefined {
  const folder = path.dirname(file);
  const failed = (...problems: readonly string[]): SettingsFile => ({ folder, entries: new Map(), problems });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    return failed(`${file}: cannot be read (${toError(error).message}); make it readable or remove it`);
  }

  const yaml = readYamlText(text);
  if (!yaml.ok) return failed(...yaml.problem.map(({ line, message, fix }) => `${file}:${line}: ${message}; ${fix}`));
  const { contents, positionAt } = yaml.value;
  if (contents === null) return failed();
  if (!isMap(contents)) return failed(`${file}:1: is not a list of settings; write \`name: value\` lines`);
  const values = yaml.value.toJson();
  const entries = new Map<SettingName, FileEntry>();
  const problems: string[] = [];
  for (const { key } of contents.items) {
    const given = isScalar(key) ? String(key.value) : '';
    const where = `${file}:${positionAt((isScalar(key) ? key.range?.[0] : undefined) ?? 0).line}`;
    const name = settingNames.find((known) => spellingsOf(known).includes(given));
    if (name === undefined)
      problems.push(`${where}: there is no setting \`${given}\`; ${didYouMean(given, settingNames, 'write one of')}`);
    else entries.set(name, { value: isMapping(values) ? values[given] : undefined, where });
  }
  return { folder, entries, problems };
}
