// One block of a conversation: in its gutter the time, which is its link, and what its turn cost; beside it the block itself, and what
// can be done with it. Called by conversation.tsx for the blocks that are near the screen.
import { useEffect, useState } from 'preact/hooks';
import type { MessageAnswer } from '../../src/api/schema/answers.ts';
import {
  type Block,
  blockTitle,
  blockToMarkdown,
  describeUse,
  type PromptBlock,
  type Turn,
} from '../../src/conversation/index.ts';
import { unreachable } from '../../src/core/unreachable.ts';
import { getJson } from '../api/http.ts';
import { fullTime, money, timeOfDay } from '../model/format.ts';
import { Icon } from '../views/parts.tsx';
import { say } from '../views/toasts.tsx';
import { Markdown } from './rich-text.tsx';
import { ToolView } from './tool-view.tsx';

export type BlockProps = {
  readonly block: Block;
  readonly depth: number;
  readonly turn: Turn | undefined;
  readonly runId: string;
  /** The address of this block. */
  readonly href: string;
  readonly mark: 'linked' | 'hit' | '';
  readonly isOpen: boolean;
  /** The attempt has not ended: a call without a result still runs. */
  readonly isActive: boolean;
  readonly onToggle: (open: boolean) => void;
  readonly measure: (element: HTMLElement | null) => void;
};

export function BlockView(props: BlockProps) {
  const { block, depth, turn, mark } = props;
  const [isRaw, setRaw] = useState(false);
  return (
    <li
      ref={props.measure}
      data-key={block.key}
      class={`turn t-${block.kind} ${mark}`}
      style={depth === 0 ? {} : { '--depth': String(depth) }}
    >
      <div class="gutter-time">
        <a class="tabular" href={props.href} title={`${fullTime(block.timeMs)}; a link to this place`}>
          {timeOfDay(block.timeMs)}
        </a>
        {turn?.use !== undefined && turn.key === block.key && (
          <span class="cost tabular" title={turnTitle(turn)}>
            {turn.use.isUnpriced ? 'no price' : money(turn.use.costUsd)}
          </span>
        )}
      </div>
      <div class="content">
        <Body {...props} />
        {isRaw && <RawMessages runId={props.runId} block={block} />}
      </div>
      <div class="acts">
        <button
          type="button"
          class="icon"
          aria-label="Copy as Markdown"
          title="Copy as Markdown"
          onClick={() => copy(blockToMarkdown(block))}
        >
          <Icon name="copy" />
        </button>
        {block.source !== undefined && (
          <button
            type="button"
            class="quiet"
            aria-expanded={isRaw}
            title="The raw message behind this block"
            onClick={() => setRaw(!isRaw)}
          >
            raw
          </button>
        )}
      </div>
    </li>
  );
}

function turnTitle({ number, use, total }: Turn): string {
  const used = use === undefined ? '' : `: ${describeUse(use)}`;
  return `Turn ${number}${used}. Up to here: ${describeUse(total)}`;
}

function copy(text: string): void {
  void navigator.clipboard?.writeText(text).then(() => say('Copied.'));
}

function Body(props: BlockProps) {
  const { block } = props;
  switch (block.kind) {
    case 'prompt':
      return <Prompt block={block} />;
    case 'message':
      return <Markdown text={block.text} />;
    case 'thinking':
      return block.text.trim() === '' ? (
        <p class="muted note">✻ {blockTitle(block)}</p>
      ) : (
        <Fold title="✻ Thinking" line={block.text} isOpen={props.isOpen} onToggle={props.onToggle}>
          <Markdown text={block.text} />
        </Fold>
      );
    case 'tool':
      return <ToolView {...props} block={block} />;
    case 'hook':
      return block.text === '' ? (
        <p class="muted note">{blockTitle(block)}</p>
      ) : (
        <Fold title={blockTitle(block)} line={block.text} isOpen={props.isOpen} onToggle={props.onToggle}>
          <pre tabIndex={0}>{block.text}</pre>
        </Fold>
      );
    case 'retry':
      return (
        <Fold title={blockTitle(block)} line="" bad isOpen={props.isOpen} onToggle={props.onToggle}>
          <ol class="tries">
            {block.tries.map(({ attempt, error, delayMs }, index) => (
              <li key={index}>
                Try {attempt}: {error}
                {delayMs !== undefined && `, again in ${Math.round(delayMs / 100) / 10} s`}
              </li>
            ))}
          </ol>
        </Fold>
      );
    case 'limit':
    case 'denial':
      return <p class="note bad">{blockTitle(block)}</p>;
    case 'result':
      return (
        <>
          {!block.repeatsMessage && block.text.trim() !== '' && <Markdown text={block.text} />}
          <p class={`note ${block.isError ? 'bad' : 'good'}`}>{blockTitle(block)}</p>
        </>
      );
    case 'session':
    case 'notice':
    case 'unknown':
      return <p class="muted note">{blockTitle(block)}</p>;
    default:
      return unreachable(block);
  }
}

function Prompt({ block }: { block: PromptBlock }) {
  const systems = [
    ['System prompt', block.systemPrompt],
    ['Appended to the system prompt', block.appendSystemPrompt],
  ] as const;
  return (
    <div class="prompt">
      <p class="label">{blockTitle(block)}</p>
      <Markdown text={block.text} />
      {systems.map(([title, text]) =>
        text === undefined ? null : (
          <details key={title}>
            <summary>{title}</summary>
            <pre tabIndex={0}>{text}</pre>
          </details>
        ),
      )}
    </div>
  );
}

type FoldProps = {
  readonly title: string;
  /** Its first line is shown while the block is closed. */
  readonly line: string;
  readonly bad?: boolean;
  readonly isOpen: boolean;
  readonly onToggle: (open: boolean) => void;
  readonly children: preact.ComponentChildren;
};

function Fold({ title, line, bad = false, isOpen, onToggle, children }: FoldProps) {
  return (
    <details class={`call ${bad ? 'bad' : ''}`} open={isOpen} onToggle={(event) => onToggle(event.currentTarget.open)}>
      <summary>
        <span class="title">{title}</span>
        {!isOpen && <span class="target muted clip">{line.trim().split('\n')[0]}</span>}
      </summary>
      {isOpen && <div class="inside">{children}</div>}
    </details>
  );
}

/** The message that made the block, and that of a call's result. */
function RawMessages({ runId, block }: { runId: string; block: Block }) {
  const seqs = [block.source, block.kind === 'tool' ? block.resultSource : undefined].filter(
    (seq) => seq !== undefined,
  );
  return (
    <>
      {seqs.map((seq) => (
        <RawMessage key={seq} runId={runId} seq={seq} />
      ))}
    </>
  );
}

function RawMessage({ runId, seq }: { runId: string; seq: number }) {
  const [text, setText] = useState('…');
  useEffect(() => {
    const abort = new AbortController();
    void getJson<MessageAnswer>(`/runs/${runId}/message?seq=${seq}`, abort.signal).then((answer) => {
      if (!abort.signal.aborted) setText(answer.ok ? answer.value.text : answer.failure.message);
    });
    return () => abort.abort();
  }, [runId, seq]);
  return (
    <pre class="raw" tabIndex={0}>
      {text}
    </pre>
  );
}
