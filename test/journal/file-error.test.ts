// How an error of the disk reads for which Node has no name.
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { fileErrorText } from '../../src/journal/index.ts';

test('a quota that is used up is called so, whichever way Node does not know it', () => {
  const errno = -constants.errno.EDQUOT;
  for (const message of ['UNKNOWN: unknown error, write', `Unknown system error ${errno}`])
    expect(fileErrorText(Object.assign(new Error(message), { errno, syscall: 'write' }))).toBe(
      'EDQUOT: disk quota exceeded, write',
    );
});

test('every other error keeps its own words', () => {
  const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { errno: -constants.errno.ENOSPC });
  expect(fileErrorText(error)).toBe('ENOSPC: no space left on device, write');
});
