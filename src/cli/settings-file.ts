// Settings in a YAML file: `stepspan.config.yaml` of the working folder, and the user's own below ~/.config.
// Reads files; knows neither flags nor variables.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { didYouMean } from '../workflow/suggest.ts';
import { type SettingName, type Surroundings, settingNames, spellingsOf } from './setting-table.ts';

export type FileEntry = { readonly value: unknown; readonly where: string };

export type SettingsFile = {
  /** The folder that relative paths in it start from. */
  readonly folder: string;
  readonly entries: ReadonlyMap<SettingName, FileEntry>;
  readonly problems: readonly string[];
};

/** The files that are looked for, the stronger one first. Neither has to be there. */
export function settingsFilePaths({ env, cwd, home }: Surroundings): readonly string[] {
  const config = env.XDG_CONFIG_HOME;
  const isGiven = config !== undefined && path.isAbsolute(config);
  const userFolder = isGiven ? config : home === undefined ? undefined : path.join(home, '.config');
  const project = path.join(cwd, 'stepspan.config.yaml');
  return userFolder === undefined ? [project] : [project, path.join(userFolder, 'stepspan', 'config.yaml')];
}

/** @returns undefined where there is no such file */
export function readSettingsFile(file: string): SettingsFile | undefined {
  const folder = path.dirname(file);
  const failed = (problem: string): SettingsFile => ({ folder, entries: new Map(), problems: [problem] });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return failed(`${file}: cannot be read (${message}); make it readable or remove it`);
  }

  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number | undefined): number => lineCounter.linePos(offset ?? 0).line;
  const broken = document.errors[0];
  if (broken !== undefined)
    return failed(`${file}:${lineAt(broken.pos[0])}: is no valid YAML (${broken.message}); correct the line`);
  if (document.contents === null) return { folder, entries: new Map(), problems: [] };
  if (!isMap(document.contents)) return failed(`${file}:1: is not a list of settings; write \`name: value\` lines`);

  const values = document.toJS() as Readonly<Record<string, unknown>>;
  const entries = new Map<SettingName, FileEntry>();
  const problems: string[] = [];
  for (const pair of document.contents.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const where = `${file}:${lineAt(isScalar(pair.key) ? pair.key.range?.[0] : 0)}`;
    const name = settingNames.find((known) => spellingsOf(known).includes(key));
    if (name === undefined) {
      problems.push(`${where}: there is no setting \`${key}\`; ${didYouMean(key, settingNames, 'write one of')}`);
      continue;
    }
    entries.set(name, { value: values[key], where });
  }
  return { folder, entries, problems };
}
