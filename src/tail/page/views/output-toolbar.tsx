// Above the output: what of it is shown, the search and its hits, wrap, clear, download.
import { useRef, useState } from 'preact/hooks';
import { type Severity, type Stream, severities, streams } from '../../../event/stream.ts';
import { apiUrl } from '../api/http.ts';
import { digits } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';
import type { Feed } from '../output/feed.ts';
import type { SearchState } from '../output/search.ts';
import type { RunSession } from '../run-session.ts';
import { Icon } from './parts.tsx';
import { useKeys } from './use-keys.ts';

export function OutputToolbar(props: {
  session: RunSession;
  feed: Feed;
  run: RunView;
  wrap: boolean;
  onWrap: () => void;
  onJump: (direction: 1 | -1) => void;
  onStep: (step: string | undefined) => void;
}) {
  const { session, feed, run } = props;
  const [query, setQuery] = useState(session.search.state().query);
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.select() });
  const { filter } = feed.state();
  const search = session.search.state();
  const set = (part: Partial<typeof filter>): void => {
    feed.setFilter({ ...filter, ...part });
    if (search.query !== '') session.search.start(search.query, { ...filter, ...part });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      setQuery('');
      session.search.start('', filter);
      field.current?.blur();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (query !== search.query) session.search.start(query, filter);
      else props.onJump(event.shiftKey ? -1 : 1);
    }
  };
  return (
    <div class="toolbar" role="toolbar" aria-label="Output">
      <div class="segments" role="group" aria-label="Stream">
        {([undefined, ...streams] as readonly (Stream | undefined)[]).map((stream) => (
          <button
            key={stream ?? 'all'}
            type="button"
            aria-pressed={filter.stream === stream}
            onClick={() => set({ stream })}
          >
            {stream ?? 'all'}
          </button>
        ))}
      </div>
      <select
        aria-label="Step"
        value={filter.step ?? ''}
        onChange={(event) => props.onStep(event.currentTarget.value || undefined)}
      >
        <option value="">any step</option>
        {run.stepList.map((step) => (
          <option key={step.id} value={step.id}>
            {step.name}
          </option>
        ))}
      </select>
      <select
        aria-label="Severity"
        value={filter.severity ?? ''}
        onChange={(event) => set({ severity: (event.currentTarget.value || undefined) as Severity | undefined })}
      >
        <option value="">any severity</option>
        {severities.toReversed().map((severity) => (
          <option key={severity} value={severity}>
            {severity}
          </option>
        ))}
      </select>
      <label class="search-field">
        <Icon name="search" />
        <input
          ref={field}
          type="search"
          aria-label="Search the output"
          placeholder="Search: text or /regex/"
          spellcheck={false}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={onKey}
        />
        <span class="hits tabular" role="status">
          {hitsText(search)}
        </span>
        <button
          type="button"
          class="icon"
          aria-label="Hit before"
          disabled={search.hits.length === 0}
          onClick={() => props.onJump(-1)}
        >
          <Icon name="up" />
        </button>
        <button
          type="button"
          class="icon"
          aria-label="Next hit"
          disabled={search.hits.length === 0}
          onClick={() => props.onJump(1)}
        >
          <Icon name="down" />
        </button>
      </label>
      <button
        type="button"
        class="icon"
        aria-label="Wrap long lines"
        title="Wrap long lines (w)"
        aria-pressed={props.wrap}
        onClick={props.onWrap}
      >
        <Icon name="wrap" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Clear the screen"
        title="Clear the screen; the journal keeps all lines"
        onClick={() => feed.clear()}
      >
        <Icon name="clear" />
      </button>
      <a
        class="button icon"
        aria-label="Download the output"
        title="Download the output"
        href={apiUrl(`/runs/${run.id}/export?format=text`)}
        download=""
      >
        <Icon name="download" />
      </a>
    </div>
  );
}

function hitsText(search: SearchState): string {
  if (search.status === 'idle') return '';
  if (search.status === 'failed') return search.message;
  const of = `${digits(search.hits.length)}${search.status === 'cut' ? '+' : ''}`;
  const where =
    search.at >= 0 ? `${digits(search.at + 1)} of ${of}` : search.hits.length === 1 ? '1 hit' : `${of} hits`;
  return search.status === 'searching' ? `${where}, ${Math.round(search.progress * 100)} %` : where;
}
