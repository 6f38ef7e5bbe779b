// Finds the words of words.txt in a text. Called for every readable file by counts.ts.
import { read } from './tracked.ts';

export type WordRule = { readonly pattern: string; readonly matches: RegExp; readonly instead: string };
export type WordFinding = { readonly line: number; readonly found: string; readonly instead: string };

export function parseWordRules(text: string): readonly WordRule[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [pattern = '', instead = '', ...more] = line.split(' → ');
    if (pattern === '' || instead === '' || more.length > 0) throw new Error(`not "pattern → advice": ${line}`);
    const blanks = pattern.replaceAll(' ', '[ \\t]*(?:[ \\t]|\\n)[ \\t]*');
    return { pattern, matches: new RegExp(blanks, 'giu'), instead };
  });
}

export const wordRules = parseWordRules(read('test/house/words.txt'));

/** Makes continued comments one text and camelCase separate words. Line breaks stay, so that lines can be counted. */
function asProse(text: string): string {
  return text.replace(/^[ \t]*(?:\/\/\/?|\/?\*+|#+|>)(?= )/gm, '').replace(/(?<=[a-z0-9])(?=[A-Z])/g, ' ');
}

export function findWords(text: string, rules: readonly WordRule[] = wordRules): readonly WordFinding[] {
  const prose = asProse(text);
  const found = rules.flatMap(({ matches, instead }) =>
    [...prose.matchAll(matches)].map((match) => ({
      line: prose.slice(0, match.index).split('\n').length,
      found: match[0].replace(/\s+/g, ' '),
      instead,
    })),
  );
  return found.sort((a, b) => a.line - b.line);
}
