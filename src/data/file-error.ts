// What a failure of the file system is called towards people, where Node has no name for it. Judges nothing.
import { constants } from 'node:os';

/** Node knows no name for what a disk answers whose quota is used up, and says `UNKNOWN` or `Unknown system error -122`. */
const quotaErrno = -constants.errno.EDQUOT;

/** @param error what a call of the file system threw or gave @returns one phrase with the name of the error */
export function fileErrorText(error: Error): string {
  const { errno, syscall, message } = error as NodeJS.ErrnoException;
  return errno === quotaErrno ? `EDQUOT: disk quota exceeded, ${syscall ?? 'write'}` : message;
}
