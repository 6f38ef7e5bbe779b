// The YAML of a workflow file as a tree with the position of every part. Owns the bounds on what a file may be, and what of
// YAML is not accepted. parse.ts reads workflows with it, locate.ts finds places in them again.
import { isAlias, isMap, isNode, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { readYamlText, type YamlText } from '../../core/yaml-text.ts';
import { type Path, type Place, type Problem, pathText } from '../problem.ts';
import { offsetInScalar } from './scalar-offset.ts';
import type { Reading, Tree } from './tree.ts';

/**
 * No workflow that people wrote is near it, and the worst text of this size (a bracket, 250,000 times) is refused in 3 s.
 * Long prompts belong in a `promptFile`.
 */
export const maxFileBytes = 256 * 1024;
/** Values in a file with its aliases followed. Ten aliases of ten aliases and so on would otherwise fill the memory. */
export const maxValues = 20_000;
/** Mappings and lists inside one another; a workflow needs 6, a JSON schema in it some more. */
export const maxDepth = 64;

/** Reads one YAML document. Problems that leave the content readable (a key given twice) come with the tree. */
export function readYaml(given: string, file: string): Reading {
  const wrong = (message: string, fix: string): Reading => {
    return { ok: false, problems: [{ file, line: 1, column: 1, path: '', message, fix }] };
  };
  const bytes = Buffer.byteLength(given);
  if (bytes > maxFileBytes)
    return wrong(`the file has ${bytes} bytes, more than the ${maxFileBytes} that a workflow may have`, tooLongFix);
  const read = readYamlText(given, false);
  if (!read.ok) return { ok: false, problems: read.problem.map((problem) => ({ file, path: '', ...problem })) };
  const { contents } = read.value;
  if (contents === null) return wrong('the file is empty', emptyFix);
  const walk: Walk = {
    yaml: read.value,
    file,
    spans: new Map(),
    problems: [],
    anchors: new Map(),
    open: new Set(),
    values: 0,
    isStopped: false,
  };
  const value = visit(walk, contents, { path: [], key: undefined, start: 0 });
  if (walk.isStopped) return { ok: false, problems: walk.problems };
  return { ok: true, tree: treeOf(value, walk), problems: walk.problems };
}

const tooLongFix = 'move long prompts to files of their own and name them with `promptFile`';
const emptyFix = 'write `name:` and `steps:`; `stepspan init` writes a first workflow to start from';
const mergeFix = 'repeat the keys; a whole value can be repeated with `&name` and `*name`';

/** Offsets of a value's key and of its start, and its node. */
type Span = { readonly key: number | undefined; readonly start: number; readonly node: Node | undefined };

type Walk = {
  readonly yaml: YamlText;
  readonly file: string;
  readonly spans: Map<string, Span>;
  readonly problems: Problem[];
  readonly anchors: Map<string, Node>;
  /** The nodes that the walk is inside of: an alias of one of them contains itself. */
  readonly open: Set<Node>;
  values: number;
  isStopped: boolean;
};

type At = { readonly path: Path; readonly key: number | undefined; readonly start: number };

function placeIn({ yaml, file }: Walk, { path, start }: Pick<At, 'path' | 'start'>): Place {
  return { file, ...yaml.positionAt(start), path: pathText(path) };
}

function report(walk: Walk, at: Pick<At, 'path' | 'start'>, message: string, fix: string): null {
  walk.problems.push({ ...placeIn(walk, at), message, fix });
  return null;
}

/** Reported once; the rest of the tree is then left out, as nobody can know what it would have been. */
function stop(walk: Walk, at: At, message: string, fix: string): null {
  if (!walk.isStopped) report(walk, at, message, fix);
  walk.isStopped = true;
  return null;
}

/** The value of a node. @param at where it is; its `start` counts if the node itself has no place, as one that is left out */
function visit(walk: Walk, given: unknown, { path, key, start: near }: At): unknown {
  if (walk.isStopped) return null;
  const node = isNode(given) ? given : undefined;
  const at = { path, key, start: node?.range?.[0] ?? near };
  walk.values += 1;
  if (walk.values > maxValues)
    return stop(walk, at, `the file has more than ${maxValues} values`, 'use fewer aliases, or split the workflow');
  if (path.length > maxDepth)
    return stop(walk, at, `the file is nested more than ${maxDepth} levels deep`, 'make it flatter');
  if (isAlias(node)) return visitAlias(walk, node.source, at);
  walk.spans.set(path.join('\0'), { key, start: at.start, node });
  if (node === undefined) return null;
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  if (isScalar(node)) return visitScalar(walk, node.value, at);
  walk.open.add(node);
  const value = isMap(node)
    ? visitMap(walk, node, path)
    : isSeq(node)
      ? node.items.map((item, index) => visit(walk, item, { path: [...path, index], key: undefined, start: at.start }))
      : null;
  walk.open.delete(node);
  return value;
}

function visitAlias(walk: Walk, name: string, at: At): unknown {
  const target = walk.anchors.get(name);
  if (target === undefined) {
    const fix = `mark the value to repeat with \`&${name}\`, or write text in quotes`;
    return report(walk, at, `no anchor above \`*${name}\` has that name`, fix);
  }
  if (walk.open.has(target))
    return stop(walk, at, `\`*${name}\` is inside the value that it repeats`, 'write the value out');
  return visit(walk, target, at);
}

function visitScalar(walk: Walk, value: unknown, at: At): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  report(walk, at, 'infinite and not-a-number are not allowed here', 'write a number');
  return 0;
}

function visitMap(walk: Walk, node: YAMLMap, path: Path): unknown {
  const value: Record<string, unknown> = {};
  const firstLines = new Map<string, number>();
  for (const { key, value: item } of node.items) {
    const start = (isNode(key) ? key.range?.[0] : undefined) ?? 0;
    const name = isScalar(key) ? keyText(key.value, key.source) : undefined;
    if (name === undefined) {
      reportKey(walk, path, start);
      continue;
    }
    const at = { path: [...path, name], key: start, start };
    const first = firstLines.get(name);
    if (name === '<<') {
      // The keys that would have come with it are missing now, so the mapping as a whole counts as unread.
      report(walk, { path, start }, 'merge keys are not supported', mergeFix);
    } else if (name === '__proto__') {
      report(walk, at, '`__proto__` cannot be a key', 'choose another name');
    } else if (first !== undefined) {
      report(walk, at, `the key \`${name}\` is given twice; first on line ${first}`, 'keep one of them');
    } else {
      firstLines.set(name, placeIn(walk, at).line);
      value[name] = visit(walk, item, at);
    }
  }
  return value;
}

function reportKey(walk: Walk, path: Path, start: number): void {
  if (walk.yaml.text.startsWith('{{', start - 1)) {
    const at = { path, start: start - 1 };
    report(walk, at, '`{{` starts a mapping in YAML, not a template', 'put the whole text in quotes');
  } else {
    report(walk, { path, start }, 'a key must be a plain word', 'write `key: value`');
  }
}

function treeOf(value: unknown, walk: Walk): Tree {
  const { spans, yaml } = walk;
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
      const inside = index !== undefined && isScalar(node) ? offsetInScalar(yaml.text, node, index) : undefined;
      return placeIn(walk, { path, start: inside ?? span?.start ?? 0 });
    },
    placeOfKey(path) {
      const span = spanOf(path);
      return placeIn(walk, { path, start: span?.key ?? span?.start ?? 0 });
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
