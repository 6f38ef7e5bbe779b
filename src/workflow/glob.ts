// Globs of `expect`: which paths below a folder they name. Pure; the check of a workflow and the engine both use it.
// `*` and `?` stay inside one folder, `**` crosses folders, `[ab]` and `{a,b}` choose, `\` takes the next character as it is.

import { toError } from '../core/errors.ts';
import { escapeRegExp } from '../text/regexp.ts';

export type Glob = {
  readonly pattern: RegExp;
  /** The folder, from where the globs start, below which everything lies that can match; '' for that folder itself. */
  readonly base: string;
};

export type GlobRead = { readonly ok: true; readonly glob: Glob } | { readonly ok: false; readonly message: string };

/** Reads one glob without its leading `!`. Names that begin with a dot need no special mention. */
export function readGlob(text: string): GlobRead {
  const glob = text.startsWith('./') ? text.slice(2) : text;
  if (glob === '') return refuse('is empty');
  if (glob.startsWith('/')) return refuse('starts at the root; write it from the folder of the step');
  if (glob.split('/').includes('..')) return refuse('leaves the folder of the step; `..` is not allowed');
  // A folder stands for all that is in it.
  const whole = glob.endsWith('/') ? `${glob}**` : glob;
  const translated = translate(whole);
  if (typeof translated !== 'string') return refuse(translated.message);
  const literal = /^[^*?[\]{}\\]*/.exec(whole)?.[0] ?? '';
  const base = literal === whole ? parentOf(whole) : parentOf(`${literal}x`);
  try {
    return { ok: true, glob: { pattern: new RegExp(`^${translated}$`, 's'), base } };
  } catch (error) {
    return refuse(toError(error).message);
  }
}

function refuse(message: string): GlobRead {
  return { ok: false, message };
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function translate(glob: string): string | { readonly message: string } {
  let regex = '';
  let braces = 0;
  for (let at = 0; at < glob.length; at += 1) {
    const character = glob[at] ?? '';
    if (glob.startsWith('**', at) && isFolderEnd(glob, at + 2) && (at === 0 || glob[at - 1] === '/')) {
      // `a/**/b` is also `a/b`; `a/**` is everything below a.
      regex += glob[at + 2] === '/' ? '(?:[^/]+/)*' : '.*';
      at += glob[at + 2] === '/' ? 2 : 1;
    } else if (character === '*') {
      regex += '[^/]*';
    } else if (character === '?') {
      regex += '[^/]';
    } else if (character === '[') {
      const end = glob.indexOf(']', at + 2);
      if (end === -1) return { message: 'has a `[` without its `]`' };
      const inside = glob.slice(at + 1, end).replace(/[\\^]/g, '\\$&');
      regex += `(?!/)[${inside.replace(/^(?:!|\\\^)/, '^')}]`;
      at = end;
    } else if (character === '{') {
      braces += 1;
      regex += '(?:';
    } else if (character === '}' && braces > 0) {
      braces -= 1;
      regex += ')';
    } else if (character === ',' && braces > 0) {
      regex += '|';
    } else if (character === '\\') {
      at += 1;
      if (at === glob.length) return { message: 'ends in a `\\`, which takes the next character as it is' };
      regex += escapeRegExp(glob[at] ?? '');
    } else {
      regex += escapeRegExp(character);
    }
  }
  return braces === 0 ? regex : { message: 'has a `{` without its `}`' };
}

function isFolderEnd(glob: string, at: number): boolean {
  return at === glob.length || glob[at] === '/';
}
