// What stands in the place of a hidden secret. A marker must never be, hold or complete a secret itself.

/** Names are for people; a longer one would make lines unreadable. */
const MAX_NAME_LENGTH = 64;

/** No quotes and no backslash, so that JSON stays valid. The first is used unless a secret has these very marks. */
const frames = ['[]', '()', '{}', '<>', '**', '##', '~~', '^^', '||', '@@'] as const;

/**
 * The replacement for a secret called `name`, as `[hidden:NAME]`.
 * @param needles every form of every secret, as latin1 text: another frame, then a shorter text, is taken when the
 *   marker could be part of one together with its neighbours
 */
export function markerFor(name: string, needles: readonly string[]): string {
  const clean = name.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, MAX_NAME_LENGTH);
  for (const text of [`hidden:${clean}`, 'hidden', 'x', '']) {
    for (const frame of frames) {
      const marker = `${frame[0]}${text}${frame[1]}`;
      if (needles.every((needle) => cannotMeet(marker, needle))) return marker;
    }
  }
  // Secrets that hold all the marks above: the character that stands for unreadable text.
  return '\ufffd';
}

/** Whether no text that is made of the marker and anything around it can hold the needle in a part of the marker. */
function cannotMeet(marker: string, needle: string): boolean {
  if (marker.includes(needle) || needle.includes(marker)) return false;
  for (let length = 1; length <= Math.min(marker.length, needle.length); length++) {
    if (needle.startsWith(marker.slice(-length)) || needle.endsWith(marker.slice(0, length))) return false;
  }
  return true;
}
