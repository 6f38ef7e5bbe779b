// The file that STEPSPAN_OUTPUTS names: a fresh one for each attempt, that only its owner can read. Made before the child
// starts, read when it has ended, then removed.
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { errorCode, toError } from '../../core/errors.ts';
import type { Append, Subject } from '../../core/record.ts';
import type { NamedOutputs } from '../../core/step-output.ts';
import type { Redactor } from '../redact/index.ts';
import { parseOutputs } from './parse-outputs.ts';
import type { SystemLog } from './system-log.ts';

/** Of the whole file: as much as an output that is read as JSON may have. The journal keeps all values in one event. */
const maxOutputsFileBytes = 1024 * 1024;

export type OutputFile = {
  readonly path: string;
  readonly read: () => FileContent;
  readonly remove: () => void;
};

type FileContent =
  | { readonly kind: 'text'; readonly text: string; readonly leftOutBytes: number }
  /** One sentence: why nothing could be read. */
  | { readonly kind: 'unreadable'; readonly message: string };

export function createOutputFile(): OutputFile {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-outputs-'));
  const file = path.join(folder, 'outputs');
  writeFileSync(file, '', { mode: 0o600, flag: 'wx' });
  return {
    path: file,
    read: () => readBounded(file),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The named outputs of an attempt that has ended, without secrets. The step warns of what is wrong with them. Removes the file. */
export function takeNamedOutputs(
  file: OutputFile,
  subject: Subject,
  { append, log, redactor }: { readonly append: Append; readonly log: SystemLog; readonly redactor: Redactor },
): NamedOutputs | undefined {
  const content = file.read();
  file.remove();
  if (content.kind === 'unreadable') {
    log('warning', `the file of STEPSPAN_OUTPUTS was not read: ${content.message}`, subject);
    return undefined;
  }
  const { outputs, problems } = parseOutputs(content.text);
  for (const problem of problems) log('warning', `STEPSPAN_OUTPUTS, ${problem}`, subject);
  if (content.leftOutBytes > 0) {
    const bound = `only its first ${maxOutputsFileBytes} bytes were read`;
    log('warning', `the file of STEPSPAN_OUTPUTS has ${content.leftOutBytes} bytes more; ${bound}`, subject);
  }
  if (Object.keys(outputs).length === 0) return undefined;
  const { value, hidden } = redactor.value(outputs);
  if (hidden !== undefined) append.event({ type: 'secret.redacted', kinds: hidden }, subject);
  return value;
}

/** A child may have put anything in its place, so no link is followed and nothing is waited for. */
function readBounded(file: string): FileContent {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT')
      return { kind: 'unreadable', message: 'the step removed it; write into it, do not replace it' };
    if (code === 'ELOOP') return { kind: 'unreadable', message: 'the step put a link in its place; write into it' };
    return { kind: 'unreadable', message: toError(error).message };
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { kind: 'unreadable', message: 'it is no longer a file; write into it' };
    const bytes = Buffer.alloc(Math.min(stat.size, maxOutputsFileBytes));
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(fd, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    const leftOutBytes = stat.size - length;
    // The line that the bound cuts through is left out.
    const end = leftOutBytes > 0 ? bytes.lastIndexOf(0x0a, length) + 1 : length;
    return { kind: 'text', text: bytes.toString('utf8', 0, end), leftOutBytes: stat.size - end };
  } catch (error) {
    return { kind: 'unreadable', message: toError(error).message };
  } finally {
    closeSync(fd);
  }
}
