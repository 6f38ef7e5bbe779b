// Looks for the programs that shell steps start, and for scripts with Windows line ends, which no interpreter takes.
// Reads the first bytes of scripts, starts nothing.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ShellStep } from '../../workflow/index.ts';
import { findProgram, type ProgramPlace } from './find-program.ts';
import { type Finding, type StepToCheck, severityOfMissing } from './finding.ts';

/** Shells that take a script after `-c`, and that read a carriage return as a part of the last word. */
const shells: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh']);

/** @param place undefined if the folder or the PATH of the step is not known before it runs */
export function checkProgram(checked: StepToCheck, place: ProgramPlace | undefined): readonly Finding[] {
  const { step, index } = checked;
  if (step.kind !== 'run') return [];
  const inline = inlineScript(step);
  const run = ['steps', index, 'run'] as const;
  if (inline?.includes('\r\n') === true || inline?.endsWith('\r') === true) {
    const message = 'the script has Windows line ends (CRLF), which the shell reads as a part of each command';
    return [{ severity: 'problem', path: run, message, fix: 'save it with Unix line ends (LF)' }];
  }
  if ([...step.shell, step.command].some((word) => word.includes('\0'))) {
    const message = 'the command holds a NUL character, which no program can be given';
    const fix = "remove it; `printf '\\0'` in a script prints one";
    return [{ severity: 'problem', path: run, message, fix }];
  }
  if (place === undefined) return [];
  const program = step.shell[0] ?? step.command;
  const at = inline === undefined ? [...run, 0] : ['steps', index, 'shell'];
  return [
    ...checkIsThere(program, at, checked, place),
    ...(inline === undefined ? checkScriptFile(step, checked, place) : []),
    ...checkScripts(step, inline, checked, place),
  ];
}

/** The script of `[bash, deploy.sh]` or `[python3, tools/report.py]`: without it the interpreter ends at once. */
function checkScriptFile(step: ShellStep, checked: StepToCheck, place: ProgramPlace): readonly Finding[] {
  const words = [...step.shell, step.command];
  const interpreter = interpreterNamed(path.basename(words[0] ?? ''));
  const at = words.findIndex((word, position) => position > 0 && !interpreter?.flags.test(word));
  const named = words[at];
  // An option with a value, or code after `-c`: what follows is not a file for certain.
  if (interpreter === undefined || named === undefined || /^-|^inspect$|\{\{/.test(named)) return [];
  const file = path.resolve(place.cwd, named);
  if (interpreter.filesOf(file).some((each) => existsSync(each))) return [];
  if (interpreter.looksInPath && !named.includes('/') && isInPath(named, place)) return [];
  const severity = severityOfMissing(checked, file, true);
  if (severity === undefined) return [];
  const message = `the script \`${named}\` does not exist, seen from ${place.cwd}`;
  return [{ severity, path: ['steps', checked.index, 'run', at], message, fix: 'create it, or correct its path' }];
}

type Interpreter = {
  /** Options without a value that can stand before the script. */
  readonly flags: RegExp;
  /** The files that it takes for a script of this path. */
  readonly filesOf: (file: string) => readonly string[];
  readonly looksInPath: boolean;
};

function interpreterNamed(name: string): Interpreter | undefined {
  const only = (file: string): readonly string[] => [file];
  if (shells.has(name)) return { flags: /^-[aefuvx]+$/, filesOf: only, looksInPath: true };
  if (/^(?:python[\d.]*|ruby|perl|php)$/.test(name)) return { flags: /^-[uw]$/, filesOf: only, looksInPath: false };
  if (name !== 'node') return undefined;
  const filesOf = (file: string): readonly string[] => ['', '.js', '.json', '.node'].map((end) => file + end);
  return { flags: /^(?!)/, filesOf, looksInPath: false };
}

function isInPath(name: string, { cwd, pathVariable }: ProgramPlace): boolean {
  return (pathVariable ?? '').split(path.delimiter).some((folder) => existsSync(path.resolve(cwd, folder, name)));
}

function checkIsThere(
  program: string,
  at: Finding['path'],
  checked: StepToCheck,
  place: ProgramPlace,
): readonly Finding[] {
  const found = findProgram(program, place);
  const severity = found.kind === 'found' ? undefined : severityOfMissing(checked, program, true);
  if (severity === undefined) return [];
  if (found.kind === 'not_executable') {
    const message = `${found.file} is not executable by this user`;
    return [{ severity, path: at, message, fix: `make it so with \`chmod +x ${found.file}\`` }];
  }
  const variable = /\$\{?[A-Za-z_]\w*\}?/.exec(program)?.[0];
  if (variable !== undefined || program.startsWith('~')) {
    const message = `there is no program \`${program}\`: \`${variable ?? '~'}\` is not expanded in a list`;
    return [{ severity, path: at, message, fix: 'write the path itself, or the command as one text for a shell' }];
  }
  const message = program.includes('/')
    ? `there is no program \`${program}\`, seen from ${place.cwd}`
    : `there is no program \`${program}\` in PATH (${place.pathVariable ?? 'not set'})`;
  return [{ severity, path: at, message, fix: 'install it, or correct its name or path' }];
}

function checkScripts(
  step: ShellStep,
  inline: string | undefined,
  checked: StepToCheck,
  place: ProgramPlace,
): readonly Finding[] {
  const words = inline === undefined ? [...step.shell, step.command] : firstWords(inline);
  const file = scriptOf(words, place);
  if (file === undefined || !hasWindowsInterpreterLine(file)) return [];
  const severity = severityOfMissing(checked, file, true);
  if (severity === undefined) return [];
  const message = `the script ${file} has Windows line ends (CRLF), so its first line names no interpreter`;
  return [
    { severity, path: ['steps', checked.index, 'run'], message, fix: `convert it: \`sed -i 's/\\r$//' ${file}\`` },
  ];
}

/** The script that is passed to a shell by `-c`; undefined for a list of words. */
function inlineScript({ shell, command }: ShellStep): string | undefined {
  const flag = shell.at(-1) ?? '';
  const isShell = shells.has(path.basename(shell[0] ?? '')) && flag.startsWith('-') && flag.endsWith('c');
  return isShell ? command : undefined;
}

/** The words of the first line of a script, up to the first one that a shell would expand. */
function firstWords(script: string): readonly string[] {
  const line = script.split('\n').find((each) => each.trim() !== '' && !each.trim().startsWith('#')) ?? '';
  const [words = ''] = /^[\w@%+=:,./\s-]*/.exec(line) ?? [];
  return words.trim().split(/\s+/);
}

/** The file of `./script.sh` or `bash script.sh`. */
function scriptOf([program = '', ...others]: readonly string[], place: ProgramPlace): string | undefined {
  const named = shells.has(path.basename(program)) ? others.find((word) => !word.startsWith('-')) : program;
  if (named === undefined || named === '' || (named === program && !named.includes('/'))) return undefined;
  const file = path.resolve(place.cwd, named);
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

/** Linux reads 255 bytes of a first line that names an interpreter. */
const interpreterLineBytes = 255;

function hasWindowsInterpreterLine(file: string): boolean {
  const head = Buffer.alloc(interpreterLineBytes);
  try {
    const fd = openSync(file, 'r');
    try {
      readSync(fd, head);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
  return /^#![^\n]*\r\n/.test(head.toString('latin1'));
}
