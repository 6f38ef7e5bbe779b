// Characters that a person does not see, made visible: for what has to be read exactly, as a command that is to be approved. Pure.

/**
 * Controls but tab and line feed, marks of direction, characters of no width, blanks that only look like one, private and unassigned
 * characters, halves of a pair.
 */
const unseen = /[^\P{C}\t\n]|[\p{Zl}\p{Zp}]|[^\P{Zs} ]|\p{Default_Ignorable_Code_Point}/gu;

/** Each is written as `<U+200B>`. */
export function showHidden(text: string): string {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}
