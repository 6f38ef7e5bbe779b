// Search in a conversation: which blocks hold a text, and where in what is drawn it is. Called by conversation.tsx.
import { type Block, blockTitle, childrenOf } from '../../src/conversation/index.ts';

/** The blocks that hold the text, each as the keys of the blocks that lead to it. */
export function findInBlocks(blocks: readonly Block[], query: string): readonly (readonly number[])[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return [];
  const found: (readonly number[])[] = [];
  const walk = (list: readonly Block[], path: readonly number[]): void => {
    for (const block of list) {
      const own = [...path, block.key];
      if (textOf(block).toLowerCase().includes(wanted)) found.push(own);
      walk(childrenOf(block), own);
    }
  };
  walk(blocks, []);
  return found;
}

function textOf(block: Block): string {
  const title = blockTitle(block);
  switch (block.kind) {
    case 'prompt':
    case 'message':
    case 'thinking':
    case 'hook':
    case 'result':
      return `${title}\n${block.text}`;
    case 'tool':
      // In JSON a line feed is two characters, and a quotation mark has one before it.
      return [
        title,
        block.input.replaceAll('\\n', '\n').replaceAll('\\"', '"'),
        block.result,
        block.reason,
        ...block.notes,
      ].join('\n');
    case 'denial':
      return `${title}\n${block.input}`;
    case 'retry':
      return [title, ...block.tries.map(({ error }) => error)].join('\n');
    default:
      return title;
  }
}

/** So many of them are on a screen at most. */
const maxMarks = 500;

/** Marks the text wherever it is drawn; browsers that cannot mark ranges show the block alone. */
export function markHits(root: HTMLElement | null, query: string): void {
  if (root === null || !('highlights' in CSS)) return;
  CSS.highlights.delete('conversation-hit');
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return;
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null && ranges.length < maxMarks; node = walker.nextNode()) {
    const text = (node.textContent ?? '').toLowerCase();
    for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set('conversation-hit', new Highlight(...ranges));
}
