// Markdown and highlighted code, drawn as plain text until the parser is loaded, which happens once and only for conversations.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

type Parser = {
  readonly markdownNodes: (text: string) => ComponentChildren;
  readonly highlightedCode: (code: string, language: string | undefined) => ComponentChildren;
};

let parser: Parser | undefined;
let loading: Promise<void> | undefined;

/** Trees of messages that were drawn before, as scrolling draws them again. */
const drawn = new Map<string, ComponentChildren>();
const maxDrawn = 300;

function useParser(): Parser | undefined {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (parser !== undefined) return;
    loading ??= import('./markdown.tsx').then(({ markdownNodes, highlightedCode }) => {
      parser = { markdownNodes, highlightedCode };
    });
    let isGone = false;
    // Without the parser, as when the connection breaks, the text stays as it was written.
    loading
      .then(() => !isGone && redraw(1))
      .catch(() => {
        loading = undefined;
      });
    return () => {
      isGone = true;
    };
  }, []);
  return parser;
}

export function Markdown({ text }: { text: string }) {
  const loaded = useParser();
  if (loaded === undefined) return <p class="markdown plain">{text}</p>;
  const known = drawn.get(text);
  const nodes = known ?? parsed(loaded, text);
  if (known === undefined) {
    drawn.set(text, nodes);
    for (const oldest of drawn.keys()) if (drawn.size > maxDrawn) drawn.delete(oldest);
  }
  return <div class="markdown">{nodes}</div>;
}

/** A text that the parser cannot take is shown as it was written. */
function parsed({ markdownNodes }: Parser, text: string): ComponentChildren {
  try {
    return markdownNodes(text);
  } catch {
    return <p class="plain">{text}</p>;
  }
}

/** @param file its extension names the language */
export function Code({ text, file }: { text: string; file?: string }) {
  const loaded = useParser();
  const language = /\.([A-Za-z0-9]+)$/.exec(file ?? '')?.[1]?.toLowerCase();
  return <code>{loaded === undefined ? text : loaded.highlightedCode(text, language)}</code>;
}
