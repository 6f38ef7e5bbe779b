// Markdown of Claude and of prompts as elements. Nothing becomes HTML: the text is parsed into a tree, and of the tree only known
// nodes are drawn. HTML in it is shown as text, links lead to http and https alone, and pictures are not loaded. Loaded when a
// conversation is opened, as the parser and the highlighter are most of its size. Called by the blocks of a conversation.
import { common, createLowlight } from 'lowlight';
import type { Nodes, PhrasingContent, RootContent, Table } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import type { ComponentChildren } from 'preact';
import { safeLink } from '../../src/text/link.ts';

const lowlight = createLowlight(common);

/** More is shown without colours: highlighting takes a millisecond for some thousand characters. */
const maxHighlighted = 20_000;
/** Blocks inside blocks beyond this are shown as text. Nobody writes them by hand. */
const maxDepth = 24;

type Child = ComponentChildren;

export function markdownNodes(text: string): Child {
  const tree = fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  return drawAll(tree.children, text, 0);
}

/** @returns the code as it is if its language is not known */
export function highlightedCode(code: string, language: string | undefined): Child {
  if (language === undefined || !lowlight.registered(language) || code.length > maxHighlighted) return code;
  return lowlight.highlight(language, code).children.map(drawHighlighted);
}

type HighlightNode = ReturnType<typeof lowlight.highlight>['children'][number];

function drawHighlighted(node: HighlightNode, index: number): Child {
  if (node.type === 'text') return node.value;
  if (node.type !== 'element') return null;
  const { className } = node.properties;
  return (
    <span key={index} class={Array.isArray(className) ? className.join(' ') : ''}>
      {node.children.map(drawHighlighted)}
    </span>
  );
}

function drawAll(nodes: readonly Nodes[], source: string, depth: number): readonly Child[] {
  return nodes.map((node, index) => <Draw key={index} node={node} source={source} depth={depth} />);
}

function Draw({ node, source, depth }: { node: Nodes; source: string; depth: number }) {
  if (depth > maxDepth) return <>{sourceOf(node, source)}</>;
  return <>{isPhrasing(node) ? drawPhrase(node, source, depth) : drawBlock(node, source, depth)}</>;
}

function isPhrasing(node: Nodes): node is PhrasingContent {
  return phrasing.has(node.type);
}

const phrasing: ReadonlySet<string> = new Set<PhrasingContent['type']>([
  ...(['break', 'delete', 'emphasis', 'footnoteReference', 'image', 'imageReference', 'inlineCode', 'link'] as const),
  ...(['linkReference', 'strong', 'text'] as const),
]);

function drawPhrase(node: PhrasingContent, source: string, depth: number): Child {
  switch (node.type) {
    case 'text':
      return node.value;
    case 'inlineCode':
      return <code>{node.value}</code>;
    case 'strong':
      return <strong>{drawAll(node.children, source, depth + 1)}</strong>;
    case 'emphasis':
      return <em>{drawAll(node.children, source, depth + 1)}</em>;
    case 'delete':
      return <del>{drawAll(node.children, source, depth + 1)}</del>;
    case 'break':
      return <br />;
    case 'link':
      return <Link url={node.url}>{drawAll(node.children, source, depth + 1)}</Link>;
    case 'image':
      return <Link url={node.url}>{node.alt ?? node.url}</Link>;
    default:
      return sourceOf(node, source);
  }
}

function Link({ url, children }: { url: string; children: Child }) {
  const safe = safeLink(url);
  if (safe === undefined) return <>{children}</>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

function drawBlock(node: Exclude<RootContent | Nodes, PhrasingContent>, source: string, depth: number): Child {
  switch (node.type) {
    case 'paragraph':
      return <p>{drawAll(node.children, source, depth + 1)}</p>;
    case 'heading':
      // The headings of the page stay its own.
      return <p class={`heading h-${node.depth}`}>{drawAll(node.children, source, depth + 1)}</p>;
    case 'blockquote':
      return <blockquote>{drawAll(node.children, source, depth + 1)}</blockquote>;
    case 'list': {
      const items = drawAll(node.children, source, depth + 1);
      return node.ordered === true ? <ol start={node.start ?? 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'listItem': {
      const mark = node.checked === true ? '☑ ' : node.checked === false ? '☐ ' : '';
      return (
        <li class={node.spread === true ? '' : 'tight'}>
          {mark}
          {drawAll(node.children, source, depth + 1)}
        </li>
      );
    }
    case 'code':
      return (
        <pre tabIndex={0}>
          <code>{highlightedCode(node.value, node.lang ?? undefined)}</code>
        </pre>
      );
    case 'thematicBreak':
      return <hr />;
    case 'table':
      return drawTable(node, source, depth);
    default:
      return <p>{sourceOf(node, source)}</p>;
  }
}

function drawTable({ children, align }: Table, source: string, depth: number): Child {
  const [head, ...rows] = children;
  const side = (column: number): string => `a-${align?.[column] ?? 'left'}`;
  return (
    <div class="table" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            {head?.children.map((cell, column) => (
              <th key={column} scope="col" class={side(column)}>
                {drawAll(cell.children, source, depth + 1)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.children.map((cell, column) => (
                <td key={column} class={side(column)}>
                  {drawAll(cell.children, source, depth + 1)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What is not drawn is shown as it was written: HTML, definitions, references. */
function sourceOf({ position }: Nodes, source: string): string {
  return position === undefined ? '' : source.slice(position.start.offset, position.end.offset);
}
