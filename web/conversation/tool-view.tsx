// A tool call and its result: one line that opens. Closed it says the tool, what it was about, the lines that it changed, how it ended
// and how long it took. Called by block-view.tsx.
import { isCommand, type ToolBlock, toolDetail, toolOutput } from '../../src/conversation/index.ts';
import { formatBytes } from '../../src/core/units.ts';
import { apiUrl } from '../api/http.ts';
import { AnsiRows } from './ansi-rows.tsx';
import { Diff } from './diff.tsx';
import { Code, Markdown } from './rich-text.tsx';

type Props = {
  readonly block: ToolBlock;
  readonly runId: string;
  readonly isOpen: boolean;
  readonly isActive: boolean;
  readonly onToggle: (open: boolean) => void;
};

export function ToolView({ block, runId, isOpen, isActive, onToggle }: Props) {
  const state = block.state === 'running' && !isActive ? 'open' : block.state;
  return (
    <details class={`call is-${state}`} open={isOpen} onToggle={(event) => onToggle(event.currentTarget.open)}>
      <summary>
        <span class="sign" aria-hidden="true">
          {signs[state]}
        </span>
        <span class="title">{block.tool}</span>
        <span class="target mono clip" title={block.target}>
          {block.target}
        </span>
        <span class="facts-of">
          {state === 'running' && <span>running</span>}
          {state === 'open' && <span>no result</span>}
          {toolDetail(block).map((fact) => (
            <span key={fact} class={factClass(fact)}>
              {fact}
            </span>
          ))}
        </span>
      </summary>
      {isOpen && <Inside block={block} runId={runId} />}
    </details>
  );
}

const signs = { running: '▸', ok: '✓', error: '✕', denied: '⊘', open: '·' } as const;

function factClass(fact: string): string {
  if (/^\+\d/.test(fact)) return 'tabular changed';
  return /^(exit code|error|denied)/.test(fact) ? 'bad' : 'tabular';
}

function Inside({ block, runId }: { block: ToolBlock; runId: string }) {
  const { patch, result, reason, notes, pictures, resultBytes } = block;
  return (
    <div class="inside">
      {reason !== undefined && <p class="bad">{reason}</p>}
      <Input block={block} />
      {patch !== undefined && <Diff patch={patch} />}
      {notes.map((note, index) => (
        <p key={index} class="muted">
          {note}
        </p>
      ))}
      {pictures.map(({ source, index, mediaType, bytes }) => (
        <figure key={`${source} ${index}`}>
          <img
            src={apiUrl(`/runs/${runId}/picture?seq=${source}&index=${index}`)}
            alt={`${mediaType}, ${formatBytes(bytes)}`}
            loading="lazy"
          />
          <figcaption class="muted">
            {mediaType}, {formatBytes(bytes)}
          </figcaption>
        </figure>
      ))}
      {result !== undefined && <Result block={block} />}
      {result !== undefined && resultBytes > new TextEncoder().encode(result).length + 3 && (
        <p class="muted">
          The first {formatBytes(new TextEncoder().encode(result).length)} of {formatBytes(resultBytes)}
        </p>
      )}
    </div>
  );
}

/** The whole command; of other calls what the line does not show, unless the change of the file says it. */
function Input({ block }: { block: ToolBlock }) {
  const fields = Object.entries(parsed(block.input)).filter(
    ([key, value]) => value !== false && !(block.patch !== undefined && inPatch.has(key)),
  );
  const { command } = Object.fromEntries(fields);
  if (isCommand(block.tool) && typeof command === 'string')
    return (
      <pre class="command" tabIndex={0}>
        <Code text={command} file="x.sh" />
      </pre>
    );
  const prompt = Object.fromEntries(fields).prompt;
  const rest = fields.filter(([key, value]) => value !== block.target && key !== 'prompt');
  return (
    <>
      {rest.length > 0 && (
        <dl class="input">
          {rest.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {typeof prompt === 'string' && <Markdown text={prompt} />}
    </>
  );
}

const inPatch: ReadonlySet<string> = new Set([
  ...['file_path', 'notebook_path', 'old_string', 'new_string', 'content', 'new_source', 'edits'],
]);

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  } catch {
    // A long input was cut in its event.
    return { input: json };
  }
}

function Result({ block }: { block: ToolBlock }) {
  const output = toolOutput(block);
  // The change says more than the words that Claude Code answers the model with.
  if (block.state === 'denied' || (block.patch !== undefined && block.state === 'ok')) return null;
  if (block.subagent !== undefined || block.children.length > 0) return <Markdown text={output} />;
  // A picture is above, and its text only names it.
  if (block.pictures.length > 0 && /^\[image [^\]]*\]$/.test(output.trim())) return null;
  if (output.trim() === '') return <p class="muted">No output</p>;
  return (
    <pre class="output" tabIndex={0}>
      <AnsiRows text={output} />
    </pre>
  );
}
