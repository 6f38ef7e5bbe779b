// The file of CLAUDE_ENV_FILE, which Claude Code runs before each command of its Bash tool. It sets the variables of detailed
// tracing there, so that a Claude Code which such a command starts by its path reports to the run; Claude Code itself does not get
// them and reports as before. Tried with 2.0.72 to 2.1.332; older versions do not read it. Writes and reads files; starts nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { shellWord } from './path-shim.ts';

/** The name by which a run inside of a step knows the file. */
export const BASH_FILE = 'stepspan-before-bash.sh';

export type BashFile = { readonly path: string; readonly remove: () => void };

export type BashFileOptions = {
  readonly variables: Readonly<Record<string, string>>;
  /** The CLAUDE_ENV_FILE of the person, which is run first. */
  readonly own: string | undefined;
  readonly cwd: string;
};

/** It holds the token of the intake, so only its owner can read it. */
export function writeBashFile({ variables, own, cwd }: BashFileOptions): BashFile {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-bash-'));
  const file = path.join(folder, BASH_FILE);
  const before = own ? `if [ -r ${wordOf(own, cwd)} ]; then . ${wordOf(own, cwd)}; fi\n` : '';
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${shellWord(value)}`);
  writeFileSync(file, `${before}export ${assignments.join(' ')}\n`, { mode: 0o600 });
  return { path: file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function wordOf(file: string, cwd: string): string {
  return shellWord(path.resolve(cwd, file));
}
