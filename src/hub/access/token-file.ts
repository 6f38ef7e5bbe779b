// The two tokens of a data folder: `token` may do everything, `token.read` may look. Each is 256 random bits in a file that
// only its owner can read; they outlive a hub, so that a page stays signed in when its hub is started again.
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, lstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { errorCode, toError } from '../../core/errors.ts';
import { type DataFolder, makeFile } from '../../journal/index.ts';

export type Scope = 'read' | 'control';

export type Tokens = { readonly [K in Scope]: string };

export type TokensResult =
  | { readonly ok: true; readonly tokens: Tokens }
  /** One sentence that names the file, what is wrong with it and what to do. */
  | { readonly ok: false; readonly message: string };

const tokenPattern = /^[0-9a-f]{64}$/;

/** Reads both tokens, and makes those that are not there. */
export function loadTokens(data: DataFolder): TokensResult {
  try {
    mkdirSync(data.root, { recursive: true, mode: 0o700 });
    return { ok: true, tokens: { control: loadToken(data, 'control'), read: loadToken(data, 'read') } };
  } catch (error) {
    const { message } = toError(error);
    // Without a code it is a sentence of our own, which says what to do.
    const fix =
      errorCode(error) === undefined ? '' : '; set STEPSPAN_DATA_DIR or --data-dir to a folder that is yours to use';
    return { ok: false, message: `${message}${fix}` };
  }
}

/** For commands that ask a running hub, which has made the files. @throws with a message for a person */
export function loadToken(data: DataFolder, scope: Scope): string {
  const path = data.tokenFiles[scope];
  // The first one made wins: two processes that start at once end up with the same token.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) makeFile(path, `${randomBytes(32).toString('hex')}\n`);
  if (!lstatSync(path).isFile()) throw new Error(`${path} is not a regular file, so it is not trusted; remove it.`);
  const fd = openSync(path, 'r');
  try {
    const { mode, uid } = fstatSync(fd);
    if ((mode & 0o077) !== 0) {
      throw new Error(
        `${path} can be read by others (mode ${(mode & 0o777).toString(8)}); remove it, and a new one is made.`,
      );
    }
    const own = process.getuid?.();
    if (own !== undefined && uid !== own) throw new Error(`${path} belongs to another user; remove it.`);
    const token = readFileSync(fd, 'utf8').trim();
    if (!tokenPattern.test(token))
      throw new Error(`${path} holds no token of 64 hex digits; remove it, and a new one is made.`);
    return token;
  } finally {
    closeSync(fd);
  }
}
