// The palette: one field that leads to every action, run and workflow, and to a search over all output. Called by app.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RunList } from '../../src/api/schema/run.ts';
import { getJson } from '../api/http.ts';
import { go } from '../app-state.ts';
import { type Command, commands } from '../commands.ts';
import { fleet, lookAtFleet } from '../fleet.ts';
import { age } from '../model/format.ts';
import { type PaletteItem, paletteItems } from '../model/palette.ts';
import { msOf, nameOf, type RunRow } from '../model/run.ts';
import { useStore } from '../store.ts';
import { firstTab } from './fleet-row.tsx';
import { Dialog, Icon, Status } from './parts.tsx';

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  // As they were where the palette was opened.
  const [actions] = useState<readonly Command[]>(commands);
  const list = useRef<HTMLDivElement>(null);
  const rows = useRows(text);
  const items = paletteItems(text, { commands: actions, rows });
  const chosen = Math.min(at, items.length - 1);
  const pick = (item: PaletteItem | undefined): void => {
    if (item === undefined) return;
    onClose();
    open(item);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Enter') pick(items[chosen]);
    else if (by !== 0 && items.length > 0) setAt((chosen + by + items.length) % items.length);
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, items.length]);
  return (
    <Dialog title="Go to" onClose={onClose} class="palette">
      <label class="search-field">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Runs, workflows and actions"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={items.length === 0 ? undefined : `palette-${chosen}`}
          placeholder="A run, a workflow, an action, or a text to search for"
          autoComplete="off"
          spellcheck={false}
          autofocus
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <div id="palette-list" class="palette-list" role="listbox" tabIndex={-1} aria-label="What fits" ref={list}>
        {items.map((item, index) => (
          <button
            type="button"
            key={keyOf(item)}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onPointerMove={() => index !== chosen && setAt(index)}
            onClick={() => pick(item)}
          >
            <Item item={item} />
          </button>
        ))}
      </div>
      {items.length === 0 && <p class="muted">Nothing fits.</p>}
    </Dialog>
  );
}

function Item({ item }: { item: PaletteItem }) {
  switch (item.kind) {
    case 'action':
      return (
        <>
          <span class="grow clip">{item.command.name}</span>
          {item.command.keys !== undefined && <kbd>{item.command.keys}</kbd>}
        </>
      );
    case 'run':
      return (
        <>
          <Status state={item.row.state} quiet />
          <span class="clip">{nameOf(item.row)}</span>
          <span class="grow muted mono clip">{item.row.runId}</span>
          <span class="muted">{age(msOf(item.row.startedAt), Date.now())}</span>
        </>
      );
    case 'workflow':
      return (
        <>
          <span class="grow clip">{item.name}</span>
          <span class="muted">runs of this workflow</span>
        </>
      );
    case 'search':
      return (
        <>
          <Icon name="search" />
          <span class="grow clip">Search the output of all runs for “{item.text}”</span>
        </>
      );
  }
}

function keyOf(item: PaletteItem): string {
  switch (item.kind) {
    case 'action':
      return `action ${item.command.name}`;
    case 'run':
      return `run ${item.row.runId}`;
    case 'workflow':
      return `workflow ${item.name}`;
    case 'search':
      return 'search';
  }
}

function open(item: PaletteItem): void {
  switch (item.kind) {
    case 'action':
      item.command.run();
      break;
    case 'run':
      go({ view: 'run', runId: item.row.runId, tab: firstTab(item.row) });
      break;
    case 'workflow':
      go({ view: 'fleet', workflow: item.name });
      break;
    case 'search':
      go({ view: 'search', text: item.text, workflow: '' });
      break;
  }
}

/** A pause in typing, after which the server is asked. */
const typedMs = 200;

/** The newest runs as they are now, and older ones that the server finds for the text. */
function useRows(text: string): readonly RunRow[] {
  const { rows = [], isComplete } = useStore(fleet, (now) => now);
  const [older, setOlder] = useState<readonly RunRow[]>([]);
  useEffect(lookAtFleet, []);
  const wanted = text.trim();
  useEffect(() => {
    if (isComplete || wanted.length < 2) return;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const query = new URLSearchParams({ search: wanted, limit: '20' });
      const answer = await getJson<RunList>(`/runs?${query}`, abort.signal);
      if (answer.ok && !abort.signal.aborted) setOlder(answer.value.runs);
    };
    const timer = setTimeout(() => void ask(), typedMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [wanted, isComplete]);
  const known = new Set(rows.map(({ runId }) => runId));
  return [...rows, ...older.filter(({ runId }) => !known.has(runId))];
}
