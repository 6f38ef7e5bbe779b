// A search over the output of all runs: the newest run first, of each the first lines, with a link to each. Called by app.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SearchRunsAnswer } from '../../src/api/schema/answers.ts';
import { formatCount, plural } from '../../src/core/units.ts';
import { streamNdjson } from '../api/http.ts';
import { go } from '../app-state.ts';
import { fleet, lookAtFleet } from '../fleet.ts';
import { workflowNames } from '../model/fleet.ts';
import { age, fullTime } from '../model/format.ts';
import { msOf, nameOf } from '../model/run.ts';
import { parseLine, plainText } from '../output/ansi-line.ts';
import { formatRoute } from '../route.ts';
import { useStore } from '../store.ts';
import { SearchField } from './fields.tsx';
import { Empty, Status } from './parts.tsx';
import { useKeys } from './use-keys.ts';

type Found = Extract<SearchRunsAnswer, { readonly found: unknown }>['found'];

type SearchState = {
  readonly found: readonly Found[];
  readonly searched: number;
  readonly status: 'idle' | 'searching' | 'done' | 'cut' | 'failed';
  readonly message: string;
  /** Runs of which a part could not be searched. */
  readonly unreadable: number;
};

const noSearch: SearchState = { found: [], searched: 0, status: 'idle', message: '', unreadable: 0 };

export function Search({ text, workflow }: { text: string; workflow: string }) {
  const [typed, setTyped] = useState(text);
  const field = useRef<HTMLInputElement>(null);
  const rows = useStore(fleet, (now) => now.rows) ?? [];
  const state = useSearch(text, workflow);
  useKeys({ '/': () => field.current?.focus() });
  useEffect(lookAtFleet, []);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    document.title = `${text === '' ? 'Search' : text} · stepspan`;
  }, [text]);
  useEffect(() => {
    if (typed === text) return;
    // Words are typed letter by letter, which are not each a search and not each a place to go back to.
    const timer = setTimeout(() => go({ view: 'search', text: typed, workflow }, true), typedMs);
    return () => clearTimeout(timer);
  }, [typed]);
  const names = [...new Set([...workflowNames(rows), ...(workflow === '' ? [] : [workflow])])];
  return (
    <div class="search-runs">
      <h1>Search the output of all runs</h1>
      <div class="toolbar" role="group" aria-label="Search">
        <SearchField
          field={field}
          name="Search the output of all runs"
          placeholder="A text in the same case, or /a regular expression/i"
          value={typed}
          onInput={setTyped}
        >
          <kbd>/</kbd>
        </SearchField>
        <select
          aria-label="Workflow"
          value={workflow}
          onChange={(event) => go({ view: 'search', text: typed, workflow: event.currentTarget.value })}
        >
          <option value="">any workflow</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <span class={state.status === 'failed' ? 'bad' : 'muted'} role="status">
          {summary(state)}
        </span>
      </div>
      {state.found.map((found) => (
        <FoundRun key={found.run.runId} found={found} text={text} />
      ))}
      {state.status === 'done' && state.found.length === 0 && (
        <Empty title="No line has this text">
          <p>
            A text is compared in its case; /{text}/i finds it in any. The raw protocol of Claude Code is not searched.
          </p>
        </Empty>
      )}
    </div>
  );
}

/** A run with its first hits. */
function FoundRun({ found: { run, hits, hasMore }, text }: { found: Found; text: string }) {
  return (
    <section class="card found" aria-label={`${nameOf(run)} ${run.runId}`}>
      <h2>
        <Status state={run.state} />
        <a href={formatRoute({ view: 'run', runId: run.runId, tab: 'output', search: text })}>{nameOf(run)}</a>
        <span class="muted mono">{run.runId}</span>
        <span class="muted small" title={fullTime(msOf(run.startedAt))}>
          {age(msOf(run.startedAt), Date.now())}
        </span>
      </h2>
      <ol>
        {hits.map((line) => (
          <li key={line.seq}>
            <a href={formatRoute({ view: 'run', runId: run.runId, tab: 'output', line: line.seq, search: text })}>
              <span class="muted clip">{line.step ?? ''}</span>
              <Hit line={plainText(parseLine(line.text).runs)} text={text} />
            </a>
          </li>
        ))}
      </ol>
      {hasMore && (
        <a class="small" href={formatRoute({ view: 'run', runId: run.runId, tab: 'output', search: text })}>
          More lines in this run
        </a>
      )}
    </section>
  );
}

/** The line from a little before the hit on, with the hit marked. An expression is not marked: the server has compared it. */
function Hit({ line, text }: { line: string; text: string }) {
  const at = line.indexOf(text);
  if (at === -1) return <span class="mono clip">{line}</span>;
  const from = Math.max(0, at - before);
  return (
    <span class="mono clip">
      {from > 0 && '…'}
      {line.slice(from, at)}
      <mark>{text}</mark>
      {line.slice(at + text.length)}
    </span>
  );
}

/** Characters in front of a hit: enough to see what it is about, and few enough that it is on the screen. */
const before = 40;

function summary(state: SearchState): string {
  const { unreadable } = state;
  const gaps = unreadable === 0 ? '' : `; ${plural(unreadable, 'run')} could not be searched completely: damaged`;
  return progressText(state) + gaps;
}

function progressText({ found, searched, status, message }: SearchState): string {
  switch (status) {
    case 'idle':
      return '';
    case 'failed':
      return message;
    case 'searching':
      return `searching, ${plural(searched, 'run')} up to now`;
    case 'cut':
      return `the newest ${found.length} runs with it; choose a workflow or a longer text for the others`;
    case 'done':
      return `in ${formatCount(found.length)} of ${plural(searched, 'run')}`;
  }
}

const typedMs = 300;

function useSearch(text: string, workflow: string): SearchState {
  const [state, setState] = useState(noSearch);
  useEffect(() => {
    const abort = new AbortController();
    setState({ ...noSearch, status: text === '' ? 'idle' : 'searching' });
    const search = async (): Promise<void> => {
      const query = new URLSearchParams({ q: text, ...(workflow !== '' && { workflow }) });
      for await (const answer of streamNdjson<SearchRunsAnswer>(`/search?${query}`, abort.signal)) {
        if (abort.signal.aborted) return;
        setState((now) => stateAfter(now, answer));
      }
    };
    if (text !== '')
      search().catch((error: unknown) => {
        if (abort.signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        setState((now) => ({ ...now, status: 'failed', message }));
      });
    return () => abort.abort();
  }, [text, workflow]);
  return state;
}

function stateAfter(now: SearchState, answer: SearchRunsAnswer): SearchState {
  if ('found' in answer) return { ...now, found: [...now.found, answer.found] };
  if ('progress' in answer) return { ...now, searched: answer.progress.runs };
  if ('error' in answer) return { ...now, status: 'failed', message: `${answer.error.message} ${answer.error.fix}` };
  const { searched, isComplete, unreadable } = answer.done;
  return { ...now, searched, status: isComplete ? 'done' : 'cut', unreadable: unreadable.length };
}
