// What the palette offers for what was typed: actions, runs and workflows whose names have all of its words, and a search over all
// output. Pure.
import { labelsText } from '../../src/core/labels.ts';
import type { Command } from '../commands.ts';
import { paramsText, workflowNames } from './fleet.ts';
import { nameOf, type RunRow } from './run.ts';

export type PaletteItem =
  | { readonly kind: 'action'; readonly command: Command }
  | { readonly kind: 'run'; readonly row: RunRow }
  | { readonly kind: 'workflow'; readonly name: string }
  | { readonly kind: 'search'; readonly text: string };

/** Of each kind: as many as are read before somebody types another letter. */
const most = { action: 8, run: 8, workflow: 5 } as const;

export function paletteItems(
  text: string,
  { commands, rows }: { readonly commands: readonly Command[]; readonly rows: readonly RunRow[] },
): readonly PaletteItem[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name: string): boolean => words.every((word) => name.toLowerCase().includes(word));
  const actions = commands.filter(({ name }) => fits(name)).slice(0, most.action);
  const runs = rows
    .filter((row) =>
      fits(`${nameOf(row)} ${row.runId} ${row.state} ${row.message} ${paramsText(row)} ${labelsText(row.labels)}`),
    )
    .slice(0, most.run);
  const workflows = words.length === 0 ? [] : workflowNames(rows).filter(fits).slice(0, most.workflow);
  return [
    ...actions.map((command) => ({ kind: 'action', command }) as const),
    ...runs.map((row) => ({ kind: 'run', row }) as const),
    ...workflows.map((name) => ({ kind: 'workflow', name }) as const),
    ...(words.length === 0 ? [] : [{ kind: 'search', text: text.trim() } as const]),
  ];
}
