// Finds a program as the system does when it starts one: by its path, or by its name in the folders of PATH. Starts nothing.
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** Where a program is looked for. */
export type ProgramPlace = {
  readonly cwd: string;
  /** The PATH of the process that starts it, if it is set. */
  readonly pathVariable: string | undefined;
};

export type FoundProgram =
  | { readonly kind: 'found'; readonly file: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'not_executable'; readonly file: string };

export function findProgram(name: string, { cwd, pathVariable }: ProgramPlace): FoundProgram {
  const files = name.includes('/')
    ? [path.resolve(cwd, name)]
    : (pathVariable ?? '').split(path.delimiter).map((folder) => path.resolve(cwd, folder, name));
  let unfit: string | undefined;
  for (const file of files) {
    if (!(statSync(file, { throwIfNoEntry: false })?.isFile() ?? false)) continue;
    try {
      accessSync(file, constants.X_OK);
      return { kind: 'found', file };
    } catch {
      unfit ??= file;
    }
  }
  return unfit === undefined ? { kind: 'missing' } : { kind: 'not_executable', file: unfit };
}
