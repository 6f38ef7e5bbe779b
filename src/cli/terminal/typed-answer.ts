// What a person types into the terminal of a run as an answer: a word that must be the whole beginning of the line, so that nothing is
// allowed by what was typed for a shell. Pure. Called by terminal-answers.ts.
import type { Answer } from '../../core/answer.ts';

/** A word, its short form, and what follows it. */
const words: Readonly<
  Record<Answer['kind'], { readonly word: string; readonly short: string; readonly more: string }>
> = {
  allow: { word: 'allow', short: 'a', more: '' },
  allow_always: { word: 'always', short: 's', more: '' },
  deny: { word: 'deny', short: 'd', more: ' REASON' },
  choose: { word: 'choose', short: 'o', more: ' NUMBER' },
  text: { word: 'text', short: 't', more: ' TEXT' },
  continue: { word: 'continue', short: 'c', more: '' },
  end: { word: 'end', short: 'e', more: ' REASON' },
};

/** Such as `a allow, s always, d deny REASON`. */
export function describeWords(answers: readonly Answer['kind'][]): string {
  return answers.map((kind) => `${words[kind].short} ${words[kind].word}${words[kind].more}`).join(', ');
}

/** @returns undefined for a line that is not one of the answers */
export function readTypedAnswer(line: string, answers: readonly Answer['kind'][]): Answer | undefined {
  const [first = '', ...others] = line.trim().split(/\s+/);
  const rest = line.trim().slice(first.length).trim();
  const kind = answers.find((each) => [words[each].word, words[each].short].includes(first.toLowerCase()));
  switch (kind) {
    case undefined:
      return undefined;
    case 'allow':
    case 'allow_always':
    case 'continue':
      return rest === '' ? { kind } : undefined;
    case 'deny':
    case 'end':
      return { kind, reason: rest };
    case 'choose':
      return others.length === 0 ? undefined : { kind, choices: others };
    case 'text':
      return rest === '' ? undefined : { kind, text: rest };
  }
}
