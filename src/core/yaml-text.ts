// YAML text and where its parts are: for workflows, settings files and alerts.yaml. Mistakes that the parser finds get messages that
// say what to write instead. Callers decide what the values mean.
import { type Document, type ErrorCode, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { failed, ok, type Result } from './result.ts';

/** From 1; the column in UTF-16 units, as editors count. */
export type Position = { readonly line: number; readonly column: number };

export type YamlProblem = Position & { readonly message: string; readonly fix: string };

export type YamlText = {
  /** Without its byte order mark, which editors do not count as a column. Offsets are into this text. */
  readonly text: string;
  /** null for a text without a value. */
  readonly contents: Node | null;
  readonly positionAt: (offset: number) => Position;
  /** Where the last key of a path is; if the path leaves the mappings, the last of its keys that exists. */
  readonly positionOfKey: (path: readonly PropertyKey[]) => Position;
  /** The value as plain data. */
  readonly toJson: () => unknown;
};

/** Reads one document. @param uniqueKeys false if the caller itself looks for a key that is given twice */
export function readYamlText(given: string, uniqueKeys = true): Result<YamlText, readonly YamlProblem[]> {
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given;
  const positionAt = createPositions(text);
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys });
  const problems = problemsOf(document, text, positionAt);
  if (problems.length > 0) return failed(problems);
  const { contents } = document;
  return ok({
    text,
    contents,
    positionAt,
    positionOfKey: (path) => positionAt(offsetOfKey(contents, path)),
    toJson: () => document.toJS(),
  });
}

/** The parser does not fill the counter: after a mistake inside a block text it has not seen every line end. */
function createPositions(text: string): (offset: number) => Position {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return (offset) => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line, column: col };
  };
}

function offsetOfKey(contents: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = contents;
  let offset = contents?.range?.[0] ?? 0;
  for (const key of path) {
    if (!isMap(node)) break;
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    if (pair === undefined || !isScalar(pair.key)) break;
    offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

type Words = { readonly message: string; readonly fix: string };

/**
 * The first mistake of each line: what the parser reports after it, on the same line, is mostly the same mistake.
 * Warnings (an unknown tag) count, as the value would not be what the author meant.
 */
function problemsOf(
  document: Document.Parsed,
  text: string,
  positionAt: (offset: number) => Position,
): readonly YamlProblem[] {
  const byLine = new Map<number, YamlProblem>();
  for (const error of [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
    const at = positionAt(error.pos[0]);
    if (byLine.has(at.line)) continue;
    byLine.set(at.line, { ...at, ...wordsFor(error.code, error.message, text.slice(...error.pos)) });
  }
  return [...byLine.values()];
}

const known: Partial<Record<ErrorCode, Words>> = {
  TAB_AS_INDENT: { message: 'a tab is used as indentation', fix: 'indent with spaces; YAML allows no tabs there' },
  MULTIPLE_DOCS: {
    message: 'a second YAML document starts here',
    fix: 'keep one document in a file; remove this `---`',
  },
  DUPLICATE_KEY: { message: 'this key is given twice', fix: 'keep one of them' },
  BAD_SCALAR_START: { message: 'a value cannot start with this character', fix: 'put the value in quotes' },
  BAD_DQ_ESCAPE: {
    message: 'a text in double quotes cannot contain this escape',
    fix: 'write `\\\\` for a backslash, or put the text in single quotes',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a mapping is not allowed here: the value holds `: `, or the line is indented wrongly',
    fix: 'put a value that holds `: ` in quotes, or write it below a `|`; begin keys of one mapping in one column',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a key must be on one line',
    fix: 'check the indentation, and the `:` after the key',
  },
  BAD_INDENT: {
    message: 'the indentation does not fit the lines above',
    fix: 'begin entries of one level in one column',
  },
  RESOURCE_EXHAUSTION: { message: 'the file is nested too deeply to be read', fix: 'make it flatter' },
  BAD_ALIAS: { message: 'an anchor cannot have this name', fix: 'put a text that begins with `*` or `&` in quotes' },
};

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
