// Builds the live page where the clone has none yet, or an older one than its sources.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { clone } from './place.ts';

/** @returns why there is no page; undefined when it is there */
export async function buildPage(): Promise<string | undefined> {
  const source = path.join(clone, 'web');
  if (newestMs(source) <= changedMs(path.join(clone, 'dist', 'page', 'index.html'))) return undefined;
  try {
    // Half a second to load, for who needs it.
    const { build } = await import('vite');
    await build({ configFile: path.join(source, 'vite.config.ts'), logLevel: 'silent' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Unix milliseconds of the last change of a file in there. */
function newestMs(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...names.map((name) => changedMs(path.join(folder, name))));
}

/** 0 if it does not exist. */
function changedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
