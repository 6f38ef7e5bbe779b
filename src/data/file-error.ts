// What a failure of the file system is called towards people, where Node has no name for it.
import { constants } from 'node:os';

/** Node has no name for the answer of a disk whose quota is used up; it says `UNKNOWN` or `Unknown system error -122`. */
const quotaErrno = -constants.errno.EDQUOT;

/** @param error what a call of the file system threw or returned @returns one phrase with the name of the error */
export function fileErrorText(error: NodeJS.ErrnoException): string {
  const { errno, syscall, message } = error;
  return errno === quotaErrno ? `EDQUOT: disk quota exceeded, ${syscall ?? 'write'}` : message;
}
