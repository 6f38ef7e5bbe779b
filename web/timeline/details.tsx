// The pane of one span: when exactly, what it was given and gave, what it cost, its attributes, and where to read on. Called by
// timeline.tsx.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SpanDetailsAnswer } from '../../src/api/schema/answers.ts';
import { isObject, parseObject } from '../../src/core/json.ts';
import { formatBytes, formatCount } from '../../src/core/units.ts';
import { seenText } from '../../src/text/seen.ts';
import { getJson } from '../api/http.ts';
import { cost, duration, money, timeOfDay } from '../model/format.ts';
import { type Run, type Step, stateWord } from '../model/run.ts';
import { formatRoute, type RunRoute, withoutPlace } from '../route.ts';
import { CopyButton, Icon, StatusGlyph } from '../views/parts.tsx';
import type { TimelineNode } from './tree.ts';

export function SpanDetails(props: {
  run: Run;
  route: RunRoute;
  node: TimelineNode;
  path: readonly TimelineNode[];
  isCritical: boolean;
  zeroMs: number;
  nowMs: number;
  onChoose: (id: string) => void;
  onClose: () => void;
}) {
  const { run, node, path } = props;
  const more = useMore(run, node);
  const link = new URL(formatRoute({ ...withoutPlace(props.route), tab: 'timeline', span: node.id }), location.href)
    .href;
  return (
    <aside class="details" aria-label={`Details of ${node.label}`}>
      <header>
        <StatusGlyph state={node.state === 'none' ? 'planned' : node.state} />
        <h2 class="clip" title={node.label}>
          {node.label}
        </h2>
        <span class="grow" />
        <CopyButton label="Copy the link to this span" text={link} icon="link" />
        <button type="button" class="icon" aria-label="Close the details" onClick={props.onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body" tabIndex={0} role="region" aria-label="What is known of it">
        {path.length > 1 && (
          <p class="path small">
            {path.slice(0, -1).map((each) => (
              <button key={each.id} type="button" class="quiet" onClick={() => props.onChoose(each.id)}>
                {each.label}
              </button>
            ))}
          </p>
        )}
        {node.detail !== '' && node.kind !== 'turn' && <p class="mono target">{node.detail}</p>}
        <Links {...props} />
        <dl>
          <Times {...props} />
          {node.step !== undefined && (node.kind === 'step' || node.kind === 'attempt') && (
            <StepFacts step={node.step} attempt={node.span?.attempt} run={run} />
          )}
          <Usage node={node} />
        </dl>
        <Content node={node} more={more} />
      </div>
    </aside>
  );
}

/** What the server reads from the journal only when somebody asks. */
function useMore(run: Run, { span }: TimelineNode): SpanDetailsAnswer | undefined {
  const [more, setMore] = useState<SpanDetailsAnswer>();
  const id = span?.id;
  useEffect(() => {
    setMore(undefined);
    if (id === undefined) return;
    const abort = new AbortController();
    void getJson<SpanDetailsAnswer>(`/runs/${run.runId}/span?span=${encodeURIComponent(id)}`, abort.signal).then(
      (answer) => {
        if (answer.ok && !abort.signal.aborted) setMore(answer.value);
      },
    );
    return () => abort.abort();
    // A call that ends has an output, and one that the telemetry has found has attributes.
  }, [run.runId, id, span?.endMs, span?.startNs]);
  return more?.id === id ? more : undefined;
}

function Links({ route, node }: { route: RunRoute; node: TimelineNode }) {
  const { span, step } = node;
  if (span === undefined || step === undefined) return null;
  const place = { ...withoutPlace(route), steps: [step.id] };
  const isInConversation = span.seq !== undefined && ['turn', 'model', 'tool'].includes(span.kind);
  return (
    <p class="links">
      {isInConversation && span.seq !== undefined && (
        <a class="button" href={formatRoute({ ...place, tab: 'conversation', turn: span.seq })}>
          Conversation
        </a>
      )}
      <a class="button" href={formatRoute({ ...place, tab: 'output', at: span.startNs })}>
        Output at that time
      </a>
    </p>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Times(props: { node: TimelineNode; zeroMs: number; nowMs: number; isCritical: boolean }) {
  const { node, zeroMs, nowMs } = props;
  const { startMs, endMs } = node;
  return (
    <>
      {node.state !== 'none' && <Fact name="State">{stateWord(node.state)}</Fact>}
      {startMs !== undefined && (
        <>
          <Fact name={endMs === undefined ? 'Up to now' : 'Took'}>
            {duration((endMs ?? nowMs) - startMs)}
            {endMs !== undefined && <span class="muted"> {exact(endMs - startMs)}</span>}
          </Fact>
          <Fact name="Began">
            {exactTime(startMs)} <span class="muted">{exact(startMs - zeroMs)} after the start</span>
          </Fact>
          {endMs !== undefined && <Fact name="Ended">{exactTime(endMs)}</Fact>}
        </>
      )}
      {props.isCritical && <Fact name="Critical path">A faster {wordOf(node)} makes the run faster.</Fact>}
      {node.below > 0 && (
        <Fact name="Below">
          {formatCount(node.below)} spans{node.failedBelow > 0 ? `, ${formatCount(node.failedBelow)} failed` : ''}
        </Fact>
      )}
    </>
  );
}

function wordOf({ kind }: TimelineNode): string {
  return kind === 'tool' || kind === 'model'
    ? 'call'
    : kind === 'step' || kind === 'turn' || kind === 'run'
      ? kind
      : 'part';
}

function StepFacts({ step, attempt, run }: { step: Step; attempt: number | undefined; run: Run }) {
  const own = step.attempts.find(({ number }) => number === attempt) ?? step.attempts.at(-1);
  const outcome = attempt === undefined ? step.outcome : (own?.outcome ?? null);
  const needs = step.needs.map((id) => run.steps.find((each) => each.id === id)?.name ?? id);
  const names = run.steps.length;
  return (
    <>
      {outcome !== null && outcome.kind !== 'success' && <Fact name="Why">{outcome.message}</Fact>}
      {step.waitsFor !== null && <Fact name="Waits for">{step.waitsFor.cause}</Fact>}
      {step.warning !== '' && <Fact name="Warnings">{step.warning}</Fact>}
      {step.kind === 'claude' && (
        <Fact name="Cost">{cost(attempt === undefined || own === undefined ? step : own)}</Fact>
      )}
      {step.toolCalls > 0 && attempt === undefined && (
        <Fact name="Tools">
          {formatCount(step.toolCalls)} calls{step.toolErrors > 0 ? `, ${formatCount(step.toolErrors)} failed` : ''}
        </Fact>
      )}
      {own?.model !== undefined && own.model !== null && <Fact name="Model">{own.model}</Fact>}
      {step.when !== '' && <Fact name="When">{step.when}</Fact>}
      {step.maxAttempts > 1 && (
        <Fact name="Attempts">
          {step.attemptCount} of at most {step.maxAttempts}
        </Fact>
      )}
      {names > 1 && needs.length > 0 && <Fact name="After">{needs.join(', ')}</Fact>}
      {own !== undefined && (
        <Fact name="Command">
          <code>{own.command}</code>
        </Fact>
      )}
    </>
  );
}

function Usage({ node: { span, kind } }: { node: TimelineNode }) {
  const usage = span?.usage;
  if (usage === undefined || usage === null) return null;
  return (
    <>
      <Fact name="Model">{usage.model}</Fact>
      <Fact name={kind === 'turn' ? 'Cost of the answer' : 'Cost'}>{money(usage.costUsd)}</Fact>
      <Fact name="Tokens">
        {formatCount(usage.inputTokens)} in, {formatCount(usage.outputTokens)} out
        {usage.cacheReadTokens > 0 && `, ${formatCount(usage.cacheReadTokens)} from the cache`}
        {usage.cacheCreationTokens > 0 && `, ${formatCount(usage.cacheCreationTokens)} into the cache`}
      </Fact>
    </>
  );
}

function Content({ node, more }: { node: TimelineNode; more: SpanDetailsAnswer | undefined }) {
  if (more === undefined) return null;
  const attributes = Object.entries(more.attributes).sort(([a], [b]) => a.localeCompare(b));
  return (
    <>
      {more.input !== '' && <Text title="Input" text={readable(more.input)} />}
      {more.output !== '' && (
        <Text
          title={node.kind === 'tool' ? 'Output' : 'Answer'}
          text={seenText(more.output)}
          note={
            more.outputBytes > more.output.length * 2 ? `the head and tail of ${formatBytes(more.outputBytes)}` : ''
          }
        />
      )}
      {attributes.length > 0 && (
        <details>
          <summary>
            Attributes of Claude Code <span class="muted">{attributes.length}</span>
          </summary>
          <dl class="attributes">
            {attributes.map(([key, value]) => (
              <div key={key}>
                <dt class="mono">{key}</dt>
                <dd class="mono">{value}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  );
}

function Text({ title, text, note = '' }: { title: string; text: string; note?: string }) {
  return (
    <section>
      <h3>
        {title} <span class="muted">{note}</span>
        <span class="grow" />
        <CopyButton label={`Copy the ${title.toLowerCase()}`} text={text} />
      </h3>
      <pre tabIndex={0} aria-label={title} role="region">
        {text}
      </pre>
    </section>
  );
}

/** A call with one text as its input reads as that text; any other as JSON, indented. */
function readable(json: string): string {
  const input = parseObject(json);
  if (!isObject(input)) return json;
  const fields = Object.entries(input);
  return fields
    .map(([key, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
      return fields.length === 1 ? text : `${key}: ${text}`;
    })
    .join('\n');
}

/** Milliseconds with what the clock has of them. */
function exact(ms: number): string {
  return `${ms.toLocaleString('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 })} ms`;
}

function exactTime(ms: number): string {
  return `${timeOfDay(ms)}.${String(Math.floor(ms % 1000)).padStart(3, '0')}`;
}
