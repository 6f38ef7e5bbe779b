// Text that is searched for as it is written.

/** A regular expression, without flags or with `v`, that matches exactly this text. Node 22 has no RegExp.escape. */
export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
