// YAML text to a tree with the position of every part. Owns the bounds on what a file may be, and what of YAML
// is not accepted. Knows nothing of workflows.
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { type Path, type Place, type Problem, pathText } from '../problem.ts';
import { offsetInScalar } from './scalar-offset.ts';
import type { Reading, Tree } from './tree.ts';
import { syntaxProblems } from './yaml-syntax.ts';

/**
 * No workflow that people wrote is near it, and the worst text of this size (a bracket, 250,000 times) is refused in 3 s.
 * Long prompts belong in a `promptFile`.
 */
export const maxFileBytes = 256 * 1024;
/** Values in a file with its aliases followed. Ten aliases of ten aliases and so on would otherwise fill the memory. */
export const maxValues = 20_000;
/** Mappings and lists inside one another; a workflow needs 6, a JSON schema in it some more. */
export const maxDepth = 64;

type Span = { readonly key: number | undefined; readonly start: number; readonly node: Node | undefined };

/** Reads one YAML document. Problems that leave the content readable (a key given twice) come with the tree. */
export function readYaml(given: string, file: string): Reading {
  // A byte order mark is no part of the text, and editors do not count it as a column.
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given;
  const positionOf = createLineIndex(text);
  const place = (offset: number, path: Path): Place => {
    return { file, ...positionOf(offset), path: pathText(path) };
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > maxFileBytes) {
    const message = `the file has ${bytes} bytes, more than the ${maxFileBytes} that a workflow may have`;
    const fix = 'move long prompts to files of their own and name them with `promptFile`';
    return { ok: false, problems: [{ file, line: 1, column: 1, path: '', message, fix }] };
  }
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false });
  const broken = syntaxProblems(document, text, place);
  if (broken.length > 0) return { ok: false, problems: broken };
  if (document.contents === null) {
    const message = 'the file is empty';
    return { ok: false, problems: [{ file, line: 1, column: 1, path: '', message, fix: emptyFix }] };
  }
  return walkDocument(document, text, place);
}

/**
 * Line and column of an offset. The parser's own counter is not used: after a mistake inside a block text it has not
 * seen every line end.
 */
function createLineIndex(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: Math.max(offset - starts[low]!, 0) + 1 };
  };
}

const emptyFix = 'write `name:` and `steps:`; `stepspan init` writes a first workflow to start from';

const mergeFix = 'repeat the keys; a whole value can be repeated with `&name` and `*name`';

function walkDocument(document: Document.Parsed, text: string, place: (offset: number, path: Path) => Place): Reading {
  const spans = new Map<string, Span>();
  const problems: Problem[] = [];
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  let values = 0;
  let stopped = false;

  const report = (offset: number, path: Path, message: string, fix: string): void => {
    problems.push({ ...place(offset, path), message, fix });
  };
  /** Reported once; the rest of the tree is then left out, as it cannot be told what it would have been. */
  const stop = (offset: number, path: Path, message: string, fix: string): null => {
    if (!stopped) report(offset, path, message, fix);
    stopped = true;
    return null;
  };
  const walk = (node: unknown, path: Path, key: number | undefined, near: number): unknown => {
    if (stopped) return null;
    const start = (node as Node | null)?.range?.[0] ?? near;
    values += 1;
    if (values > maxValues) {
      return stop(
        start,
        path,
        `the file has more than ${maxValues} values`,
        'use fewer aliases, or split the workflow',
      );
    }
    if (path.length > maxDepth) {
      return stop(start, path, `the file is nested more than ${maxDepth} levels deep`, 'make it flatter');
    }
    if (isAlias(node)) return walkAlias(node.source, path, key, start);
    spans.set(path.join('\0'), { key, start, node: (node as Node | null) ?? undefined });
    if (node === null || node === undefined) return null;
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) anchors.set(anchor, node as Node);
    if (isScalar(node)) return scalarValue(node.value, start, path);
    open.add(node as Node);
    const value = isMap(node)
      ? walkMap(node, path)
      : isSeq(node)
        ? node.items.map((item, i) => walk(item, [...path, i], undefined, start))
        : null;
    open.delete(node as Node);
    return value;
  };
  const walkAlias = (name: string, path: Path, key: number | undefined, start: number): unknown => {
    const target = anchors.get(name);
    if (target === undefined) {
      report(
        start,
        path,
        `\`*${name}\` names no anchor above it`,
        `mark the value to repeat with \`&${name}\`, or write text in quotes`,
      );
      return null;
    }
    if (open.has(target)) {
      return stop(start, path, `\`*${name}\` stands inside the value that it repeats`, 'write the value out');
    }
    return walk(target, path, key, start);
  };
  const scalarValue = (value: unknown, start: number, path: Path): unknown => {
    if (typeof value !== 'number' || Number.isFinite(value)) return value;
    report(start, path, 'infinite and not-a-number are no values here', 'write a number');
    return 0;
  };
  const reportKey = (start: number, path: Path): void => {
    if (text.startsWith('{{', start - 1)) {
      report(start - 1, path, '`{{` starts a mapping in YAML, not a template', 'put the whole text in quotes');
    } else {
      report(start, path, 'a key must be a plain word', 'write `key: value`');
    }
  };
  const walkMap = (node: { items: readonly { key: unknown; value: unknown }[] }, path: Path): unknown => {
    const value: Record<string, unknown> = {};
    const firstLines = new Map<string, number>();
    for (const { key, value: item } of node.items) {
      const start = (key as Node | null)?.range?.[0] ?? 0;
      const name = isScalar(key) ? keyText(key.value, key.source) : undefined;
      if (name === undefined) {
        reportKey(start, path);
        continue;
      }
      const first = firstLines.get(name);
      if (name === '<<') {
        // The keys that would have come with it are missing now, so the mapping as a whole counts as unread.
        report(start, path, 'merge keys are not supported', mergeFix);
      } else if (name === '__proto__') {
        report(start, [...path, name], '`__proto__` cannot be a key', 'choose another name');
      } else if (first !== undefined) {
        report(
          start,
          [...path, name],
          `the key \`${name}\` is given twice; first on line ${first}`,
          'keep one of them',
        );
      } else {
        firstLines.set(name, place(start, path).line);
        value[name] = walk(item, [...path, name], start, start);
      }
    }
    return value;
  };

  const value = walk(document.contents, [], undefined, 0);
  if (stopped) return { ok: false, problems };
  return { ok: true, tree: treeOf(value, spans, text, place), problems };
}

function treeOf(
  value: unknown,
  spans: ReadonlyMap<string, Span>,
  text: string,
  place: (offset: number, path: Path) => Place,
): Tree {
  const spanOf = (path: Path): Span | undefined => {
    for (let length = path.length; length >= 0; length--) {
      const span = spans.get(path.slice(0, length).join('\0'));
      if (span !== undefined) return span;
    }
    return undefined;
  };
  return {
    value,
    placeOf(path, index) {
      const span = spanOf(path);
      const node = span?.node;
      const inside = index !== undefined && isScalar(node) ? offsetInScalar(text, node, index) : undefined;
      return place(inside ?? span?.start ?? 0, path);
    },
    placeOfKey(path) {
      const span = spanOf(path);
      return place(span?.key ?? span?.start ?? 0, path);
    },
    writtenAt(path) {
      const node = spans.get(path.join('\0'))?.node;
      return isScalar(node) ? (node.source ?? String(node.value)) : '';
    },
  };
}

function keyText(value: unknown, source: string | undefined): string | undefined {
  if (typeof value === 'string') return value;
  // `on`, `1` and `true` as keys are what they look like. A key that is not there at all is a slip.
  return value === null ? undefined : (source ?? String(value));
}
