// The results as text for a terminal and as the page docs/benchmarks.md. Pure.
import { type Ratio, type Section, type Table, verdictOf } from './bench.ts';

/** As `bench NAME ratio VALUE (goal G, floor F) ok`; for cost the bounds are the most that it may be. */
export function ratioLine(ratio: Ratio): string {
  const { bounds } = ratio;
  const limits = bounds === undefined ? '' : ` (goal ${boundOf(ratio, 'goal')}, floor ${boundOf(ratio, 'floor')})`;
  return `bench ${ratio.name} ratio ${ratio.value.toFixed(2)}${limits} ${verdictOf(ratio)}`;
}

function boundOf({ bounds }: Ratio, which: 'goal' | 'floor'): string {
  return bounds === undefined ? '' : `${bounds.kind === 'at most' ? 'at most ' : ''}${bounds[which]}`;
}

export function textTable({ columns, rows }: Table): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => (row[index] ?? '').length)));
  return all
    .map((row) =>
      row.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0))),
    )
    .map((cells) => `  ${cells.join('  ')}`.trimEnd())
    .join('\n');
}

export function pageOf(sections: readonly Section[], machine: readonly string[], short: boolean): string {
  const ratios = sections.flatMap((section) => section.ratios);
  const parts = [
    '# Benchmarks',
    '<!-- Written by `npm run bench -- --write`. Do not edit: change bench/ and run it again. -->',
    'How fast stepspan is, as ratios to programs that people know, measured in the same run on the same machine. ' +
      'Make it again with `npm run bench -- --write` (about a quarter of an hour), or `npm run bench -- --short` for four ' +
      'minutes with less data. It fails if a ratio misses its floor twice in a row, or if a value is impossible.',
    '## How to read it',
    'Single numbers of one machine say little, and less when others work on it. So each contender is measured once a round, all of ' +
      'them one after the other, every other round backwards; a ratio is taken within each round, and the median over the ' +
      'rounds is shown here. A ratio of 0.6 to `cat | tee` means that stepspan takes output at 0.6 times its rate. ' +
      'A goal is what we want to reach; a floor is what must hold, as a machine under other load measures less. ' +
      'A floor "of … reached" belongs to a goal that is not reached: it is taken from what was reached, and keeps that from getting worse.',
    `Measured on:\n\n${machine.map((line) => `- ${line}`).join('\n')}${short ? '\n- **short mode: few rounds, little data**' : ''}`,
    '## Ratios',
    markdownTable({
      columns: ['ratio', 'value', 'goal', 'floor', ''],
      rows: ratios.map((ratio) => [
        `\`${ratio.name}\``,
        ratio.value.toFixed(2),
        boundOf(ratio, 'goal'),
        ratio.bounds?.reached === undefined
          ? boundOf(ratio, 'floor')
          : `${boundOf(ratio, 'floor')}, of ${ratio.bounds.reached} reached`,
        verdictOf(ratio),
      ]),
    }),
    ...sections.flatMap(({ title, how, tables, notes }) => [
      `## ${title}`,
      how,
      ...tables.map(markdownTable),
      ...notes,
    ]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
