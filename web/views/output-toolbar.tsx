// Above the output: what of it is shown, the search and its hits, wrap, times, copy, clear, download. Called by output-panel.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatCount } from '../../src/core/units.ts';
import { severities, streams } from '../../src/text/stream.ts';
import { apiUrl } from '../api/http.ts';
import { go } from '../app-state.ts';
import type { Run } from '../model/run.ts';
import { copyLines } from '../output/copy-lines.ts';
import type { Feed } from '../output/feed.ts';
import { chooseStream, filterOfRoute, isChosen, type OutputFilter, usual } from '../output/line.ts';
import type { SearchState } from '../output/search.ts';
import { type Times, timesNames } from '../output/times.ts';
import type { RunRoute } from '../route.ts';
import type { RunSession } from '../run-session.ts';
import { MultiSelect, SearchField, Toggles } from './fields.tsx';
import { Icon } from './parts.tsx';
import { say } from './toasts.tsx';
import { useKeys } from './use-keys.ts';

const streamChoices = (['output', ...streams, 'all'] as const).map((value) => ({ value }));
/** The most serious first, as that is what one looks for. */
const severityChoices = severities.toReversed().map((value) => ({ value, name: value }));

type ToolbarProps = {
  session: RunSession;
  feed: Feed;
  run: Run;
  route: RunRoute;
  wrap: boolean;
  times: Times;
  fields: boolean;
  onWrap: () => void;
  onTimes: () => void;
  onFields: () => void;
  onJump: (direction: 1 | -1) => void;
  onFilter: (filter: OutputFilter) => void;
};

export function OutputToolbar(props: ToolbarProps) {
  const { feed, run } = props;
  const filter = shownFilter(props);
  const set = (part: Partial<typeof filter>): void => props.onFilter({ ...filter, ...part });
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
        chosen={filter.steps}
        onChange={(steps) => set({ steps })}
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
        aria-label={`Times: ${timesNames[props.times]}`}
        title={`Times: ${timesNames[props.times]} (t)`}
        aria-pressed={props.times !== 'none'}
        onClick={props.onTimes}
      >
        <Icon name="clock" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label="JSON lines as fields"
        title="JSON lines as fields (J)"
        aria-pressed={props.fields}
        onClick={props.onFields}
      >
        <Icon name="braces" />
      </button>
      <CopyLines {...props} />
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

/** As the address has it; a link to a line of a stream that is hidden at first shows all streams. */
function shownFilter({ feed, route }: ToolbarProps): OutputFilter {
  const chosen = filterOfRoute(route);
  return chosen.streams === usual.streams ? { ...chosen, streams: feed.state().filter.streams } : chosen;
}

function CopyLines({ run, feed, route: { line, to } }: ToolbarProps) {
  const name = line === undefined ? 'Copy all lines' : to === undefined ? 'Copy the line' : 'Copy the lines';
  const range = line === undefined ? undefined : { from: line, to: to ?? line };
  return (
    <button
      type="button"
      class="icon"
      aria-label={name}
      title={`${name} (c)`}
      onClick={() => void copyLines(run, feed.state().filter, range).then(say)}
    >
      <Icon name="copy" />
    </button>
  );
}

function OutputSearch({ session, route, onJump }: ToolbarProps) {
  const search = session.search.state();
  const [query, setQuery] = useState(route.search ?? '');
  // Back and forward change it as well.
  useEffect(() => setQuery(route.search ?? ''), [route.search]);
  const start = (text: string): void => {
    const { search: _, ...rest } = route;
    go({ ...rest, ...(text === '' ? {} : { search: text }) });
  };
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.select() });
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      setQuery('');
      if (search.query !== '') start('');
      field.current?.blur();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (query !== search.query) start(query);
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
