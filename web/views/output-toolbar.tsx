// Above the output: what of it is shown, the search and its hits, wrap, clear, download. Called by output-panel.tsx.
import { useRef, useState } from 'preact/hooks';
import { formatCount } from '../../src/core/units.ts';
import { severities, streams } from '../../src/text/stream.ts';
import { apiUrl } from '../api/http.ts';
import type { Run } from '../model/run.ts';
import type { Feed } from '../output/feed.ts';
import { chooseStream, isChosen } from '../output/line.ts';
import type { SearchState } from '../output/search.ts';
import type { RunSession } from '../run-session.ts';
import { MultiSelect, SearchField, Toggles } from './fields.tsx';
import { Icon } from './parts.tsx';
import { useKeys } from './use-keys.ts';

const streamChoices = (['output', ...streams, 'all'] as const).map((value) => ({ value }));
/** The most serious first, as that is what one looks for. */
const severityChoices = severities.toReversed().map((value) => ({ value, name: value }));

type ToolbarProps = {
  session: RunSession;
  feed: Feed;
  run: Run;
  /** Those that the address names. */
  steps: readonly string[];
  wrap: boolean;
  onWrap: () => void;
  onJump: (direction: 1 | -1) => void;
  onSteps: (steps: readonly string[]) => void;
};

export function OutputToolbar(props: ToolbarProps) {
  const { session, feed, run } = props;
  const { filter } = feed.state();
  const search = session.search.state();
  const set = (part: Partial<typeof filter>): void => {
    feed.setFilter({ ...filter, ...part });
    if (search.query !== '') session.search.start(search.query, { ...filter, ...part });
  };
  return (
    <div class="toolbar" role="toolbar" aria-label="Output">
      <Toggles
        name="Stream"
        options={streamChoices}
        isOn={(value) => isChosen(filter, value)}
        onPick={(value) => set({ streams: chooseStream(filter, value) })}
      />
      <MultiSelect
        label="Step"
        all="any step"
        options={run.steps.map((step) => ({ value: step.id, name: step.name }))}
        chosen={props.steps}
        onChange={props.onSteps}
      />
      <MultiSelect
        label="Severity"
        all="any severity"
        options={severityChoices}
        chosen={filter.severities}
        onChange={(chosen) => set({ severities: chosen })}
      />
      <OutputSearch {...props} />
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
        href={apiUrl(`/runs/${run.runId}/export?format=text`)}
        download=""
      >
        <Icon name="download" />
      </a>
    </div>
  );
}

function OutputSearch({ session, feed, onJump }: ToolbarProps) {
  const search = session.search.state();
  const [query, setQuery] = useState(search.query);
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.select() });
  const onKey = (event: KeyboardEvent): void => {
    const { filter } = feed.state();
    if (event.key === 'Escape') {
      setQuery('');
      session.search.start('', filter);
      field.current?.blur();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (query !== search.query) session.search.start(query, filter);
      else onJump(event.shiftKey ? -1 : 1);
    }
  };
  const hasNoHits = search.hits.length === 0;
  return (
    <SearchField
      field={field}
      name="Search the output"
      placeholder="Search: text or /regex/"
      value={query}
      onInput={setQuery}
      onKeyDown={onKey}
    >
      <span class="hits tabular" role="status">
        {hitsText(search)}
      </span>
      <button type="button" class="icon" aria-label="Previous hit" disabled={hasNoHits} onClick={() => onJump(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="icon" aria-label="Next hit" disabled={hasNoHits} onClick={() => onJump(1)}>
        <Icon name="down" />
      </button>
    </SearchField>
  );
}

function hitsText(search: SearchState): string {
  if (search.status === 'idle') return '';
  if (search.status === 'failed') return search.message;
  const of = `${formatCount(search.hits.length)}${search.status === 'cut' ? '+' : ''}`;
  const where =
    search.at >= 0 ? `${formatCount(search.at + 1)} of ${of}` : search.hits.length === 1 ? '1 hit' : `${of} hits`;
  return search.status === 'searching' ? `${where}, ${Math.round(search.progress * 100)} %` : where;
}
