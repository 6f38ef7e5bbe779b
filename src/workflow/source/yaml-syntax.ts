// What the YAML parser finds wrong, in words that say what to write instead. Knows nothing of workflows.
import type { Document, ErrorCode } from 'yaml';
import type { Path, Place, Problem } from '../problem.ts';

type Words = { readonly message: string; readonly fix: string };

const known: Partial<Record<ErrorCode, Words>> = {
  TAB_AS_INDENT: { message: 'a tab is used as indentation', fix: 'indent with spaces; YAML allows no tabs there' },
  MULTIPLE_DOCS: {
    message: 'a second YAML document starts here',
    fix: 'keep one workflow in a file; remove this `---`',
  },
  BAD_SCALAR_START: { message: 'a value cannot start with this character', fix: 'put the value in quotes' },
  BAD_DQ_ESCAPE: {
    message: 'this is no escape of a text in double quotes',
    fix: 'write `\\\\` for a backslash, or put the text in single quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a mapping cannot stand here: the value holds `: `, or the line is indented wrongly',
    fix: 'put a value that holds `: ` in quotes, or write it below a `|`; begin keys of one mapping in one column',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a key must stand on one line',
    fix: 'check the indentation, and the `:` after the key',
  },
  BAD_INDENT: {
    message: 'the indentation does not fit what stands above',
    fix: 'begin entries of one level in one column',
  },
  RESOURCE_EXHAUSTION: { message: 'the file is nested too deeply to be read', fix: 'make it flatter' },
  BAD_ALIAS: { message: 'this is no name of an anchor', fix: 'put a text that begins with `*` or `&` in quotes' },
};

/**
 * The first mistake of each line: what the parser says after it, on the same line, is mostly the same mistake.
 * Warnings (an unknown tag) count, as the value would not be what the author meant.
 */
export function syntaxProblems(
  document: Document.Parsed,
  text: string,
  place: (offset: number, path: Path) => Place,
): readonly Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
    const at = place(Math.min(error.pos[0], text.length), []);
    if (byLine.has(at.line)) continue;
    byLine.set(at.line, { ...at, ...wordsFor(error.code, error.message, text.slice(...error.pos)) });
  }
  return [...byLine.values()];
}

function wordsFor(code: ErrorCode, message: string, found: string): Words {
  if (code === 'TAG_RESOLVE_FAILED' && found.startsWith('!')) {
    return {
      message: `\`${found}\` is a YAML tag, which has no meaning here`,
      fix: 'put a text that begins with `!` in quotes',
    };
  }
  if (code === 'MISSING_CHAR' && message.startsWith('Missing closing')) {
    return { message: 'a quote that was opened above is not closed here', fix: 'close it, or remove the first quote' };
  }
  if (code === 'BAD_INDENT' && message.startsWith('Flow')) {
    const fix = 'close it, and indent its lines deeper than the key above';
    return { message: 'a bracket or brace that was opened above is not closed here', fix };
  }
  // The parser repeats what it found in full, which may be the whole rest of the file.
  const sentence = message.replace(/\s+/g, ' ').slice(0, 120);
  return (
    known[code] ?? { message: `this is not valid YAML: ${sentence}`, fix: 'check quotes, brackets and indentation' }
  );
}
