// Why a command could not be started, in words that say what to do about it.
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { errorCode, toError } from '../../core/errors.ts';

export type SpawnFailureReason =
  | 'cwd'
  | 'not_found'
  | 'not_executable'
  | 'interpreter'
  | 'too_big'
  | 'limit'
  | 'invalid'
  | 'stdin'
  | 'other';

export type SpawnFailure = {
  readonly kind: 'failed';
  readonly reason: SpawnFailureReason;
  /** What is wrong and what to do, for a person. */
  readonly message: string;
};

type Attempt = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
};

/**
 * @param error what the spawn failed with; its code is that of the system call
 * @see execve(2) for what each code means; chdir to `cwd` fails with the same codes, so the folder is looked at first
 */
export function explainSpawnFailure(error: unknown, attempt: Attempt): SpawnFailure {
  const { file, cwd } = attempt;
  const failed = (reason: SpawnFailureReason, why: string): SpawnFailure => ({
    kind: 'failed',
    reason,
    message: `Cannot start \`${file}\`: ${why}`,
  });
  const nul = [file, cwd, ...attempt.args, ...Object.entries(attempt.env).flat()].find((text) => text.includes('\0'));
  if (nul !== undefined) {
    return failed('invalid', 'its command, arguments or environment hold a NUL character. Take it out, or use stdin.');
  }
  const folderProblem = problemOfFolder(cwd);
  if (folderProblem !== undefined) return failed('cwd', folderProblem);
  const code = errorCode(error);
  switch (code) {
    case 'ENOENT': {
      const path = locate(attempt);
      if (path !== undefined) {
        const interpreter = interpreterOf(path);
        if (interpreter?.endsWith('\r') === true) {
          return failed(
            'interpreter',
            `${path} has Windows line ends (CRLF), so its first line names no interpreter. Convert it: \`sed -i 's/\\r$//' ${path}\`.`,
          );
        }
        const what = interpreter === undefined ? 'the program loader that it names' : `its interpreter ${interpreter}`;
        return failed('interpreter', `${path} is there, but ${what} is not. Install that, or correct the first line.`);
      }
      return file.includes('/')
        ? failed('not_found', `there is no such file (seen from ${cwd}). Correct the path.`)
        : failed(
            'not_found',
            `no such command in PATH (${attempt.env.PATH ?? 'not set'}). Install it, or write its path.`,
          );
    }
    case 'EACCES':
    case 'EPERM': {
      const path = locate(attempt) ?? file;
      return isFolder(path)
        ? failed('not_executable', 'it is a folder. Name the program in it.')
        : failed(
            'not_executable',
            `this user is not allowed to execute it. Try \`chmod +x ${path}\`, or look at the mount's noexec.`,
          );
    }
    case 'ENOEXEC':
      return failed(
        'not_executable',
        'it is not a program for this machine. Check its architecture, or its `#!` line.',
      );
    case 'E2BIG':
      return failed('too_big', whatIsTooLong(attempt));
    case 'EMFILE':
    case 'ENFILE':
      return failed('limit', 'no file descriptor is left. Raise `ulimit -n`, or lower `concurrency`.');
    case 'EAGAIN':
    case 'ENOMEM':
      return failed(
        'limit',
        'no process or memory is left. Look at `ulimit -u` and at the free memory, or lower `concurrency`.',
      );
    default:
      return failed('other', `${code ?? 'unknown error'}: ${firstLine(toError(error).message)}`);
  }
}

/** Of one argument, or one variable with its name, in bytes (MAX_ARG_STRLEN of execve(2), without the NUL at its end). */
const maxTextBytes = 128 * 1024 - 1;

function whatIsTooLong({ args, env }: Attempt): string {
  const bound = `more than the ${maxTextBytes} that the system takes. Pass it by a file or stdin.`;
  const index = args.findIndex((text) => Buffer.byteLength(text) > maxTextBytes);
  if (index !== -1) {
    // Its beginning is not shown: half a secret could be in it.
    const flag = args[index - 1]?.startsWith('--') === true ? `the value of ${args[index - 1]}` : undefined;
    return `${flag ?? `argument ${index + 1} of ${args.length}`} has ${Buffer.byteLength(args[index] ?? '')} bytes, ${bound}`;
  }
  const variable = Object.entries(env).find((entry) => Buffer.byteLength(entry.join('=')) > maxTextBytes);
  if (variable !== undefined)
    return `the variable ${variable[0]} has ${Buffer.byteLength(variable[1])} bytes, ${bound}`;
  return 'its arguments and environment are too long for the system. Pass long values by a file or stdin.';
}

function problemOfFolder(cwd: string): string | undefined {
  try {
    if (!statSync(cwd).isDirectory()) return `its working folder ${cwd} is a file. Correct \`cwd\`.`;
    accessSync(cwd, constants.X_OK);
    return undefined;
  } catch (error) {
    return errorCode(error) === 'ENOENT'
      ? `its working folder ${cwd} does not exist. Create it, or correct \`cwd\`.`
      : `its working folder ${cwd} cannot be entered by this user. Correct \`cwd\`, or its permissions.`;
  }
}

/** The file that the system would have executed, found as execvp(3) does. */
function locate({ file, cwd, env }: Attempt): string | undefined {
  const folders = file.includes('/') ? [''] : (env.PATH ?? '').split(delimiter);
  return folders
    .map((folder) => (file.startsWith('/') ? file : join(cwd, folder === '' ? '' : '/', folder, file)))
    .find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** What the `#!` line names; undefined for a file without one. Linux reads 255 bytes of it. */
function interpreterOf(path: string): string | undefined {
  const head = Buffer.alloc(255);
  try {
    const fd = openSync(path, 'r');
    try {
      readSync(fd, head);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  return /^#![ \t]*([^ \t\n\0]+)/.exec(head.toString('latin1'))?.[1];
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
