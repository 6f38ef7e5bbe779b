// Each kind of panel as HTML or SVG, from the answers to its queries and what its JSON says of units, words and colours.
import { z } from 'zod';
import type { Panel, Target } from '../../test/grafana/support/dashboards.ts';
import type { Answer, Labels } from '../../test/stack/support/ask-panels.ts';
import type { Drawn } from './page.ts';
import { colour, html, paletteColour, written } from './values.ts';

const word = z.object({ text: z.string().optional(), color: z.string().optional() });
const mappings = z.array(z.object({ options: z.record(z.string(), word) }));

/** The parts of a panel's JSON that are drawn. */
const drawnConfig = z.object({
  fieldConfig: z
    .object({
      defaults: z
        .object({
          unit: z.string(),
          decimals: z.number(),
          max: z.number(),
          mappings,
          thresholds: z.object({ steps: z.array(z.object({ value: z.number().nullable(), color: z.string() })) }),
          custom: z.object({ drawStyle: z.string(), stacking: z.object({ mode: z.string() }) }).partial(),
        })
        .partial(),
      overrides: z.array(
        z.object({
          matcher: z.object({ options: z.unknown() }),
          properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
        }),
      ),
    })
    .optional(),
  transformations: z
    .array(
      z.object({
        id: z.string(),
        options: z
          .object({
            include: z.object({ names: z.array(z.string()) }),
            renameByName: z.record(z.string(), z.string()),
          })
          .partial(),
      }),
    )
    .optional(),
});

const defaultsOf = (panel: Panel) => drawnConfig.parse(panel).fieldConfig?.defaults ?? {};
const overridesOf = (panel: Panel) => drawnConfig.parse(panel).fieldConfig?.overrides ?? [];

type Word = { readonly text: string; readonly color?: string | undefined };

function mapped(panel: Panel, value: string | number): Word | undefined {
  const found = defaultsOf(panel).mappings?.[0]?.options[String(value)];
  return found === undefined ? undefined : { text: found.text ?? String(value), color: found.color };
}

function thresholdColour(panel: Panel, value: number): string {
  const steps = defaultsOf(panel).thresholds?.steps ?? [];
  return colour(steps.filter(({ value: from }) => from === null || value >= from).at(-1)?.color ?? 'text');
}

/** As Grafana makes it of `{{label}}`; without a legend, the labels. */
function nameOf(target: Target | undefined, labels: Labels): string {
  const legend = target?.legendFormat ?? '';
  if (legend !== '') return legend.replaceAll(/\{\{(\w+)\}\}/g, (_all, name: string) => labels[name] ?? '');
  return Object.entries(labels)
    .filter(([name]) => !['__name__', 'instance', 'job'].includes(name))
    .map(([, value]) => value)
    .join(' ');
}

type Row = { readonly name: string; readonly labels: Labels; readonly value: number };

function rowsOf({ panel, answers }: Drawn): Row[] {
  return answers.flatMap((answer, index) =>
    answer.kind !== 'instant'
      ? []
      : answer.rows.map(({ labels, value }) => ({ name: nameOf(panel.targets?.[index], labels), labels, value })),
  );
}

export function statView(drawn: Drawn): string {
  const { panel } = drawn;
  const { unit = '', decimals } = defaultsOf(panel);
  const [row] = rowsOf(drawn);
  if (row === undefined) return '';
  const found = mapped(panel, unit === 'string' ? row.name : row.value);
  const text = found?.text ?? written(row.value, unit, decimals);
  const tint = found?.color === undefined ? thresholdColour(panel, row.value) : colour(found.color);
  return `<div class="stat" style="color:${tint}">${html(text)}</div>`;
}

export function barGauge(drawn: Drawn): string {
  const { unit = '', decimals } = defaultsOf(drawn.panel);
  const rows = rowsOf(drawn).sort((a, b) => b.value - a.value);
  const max = Math.max(...rows.map(({ value }) => value), 1e-9);
  return rows
    .slice(0, Math.floor(drawn.height / 24))
    .map(
      ({ name, value }) =>
        `<div class="bar"><span>${html(name)}</span><div><i style="width:${(value / max) * 100}%;background:${thresholdColour(drawn.panel, value)}"></i></div><b>${written(value, unit, decimals)}</b></div>`,
    )
    .join('');
}

type Line = {
  readonly name: string;
  readonly tint: string;
  readonly points: readonly { readonly time: number; readonly value: number }[];
};

const fixedColour = z.object({ fixedColor: z.string() });

function linesOf({ panel, answers, from }: Drawn): Line[] {
  const fixed = new Map(
    overridesOf(panel).flatMap(({ matcher, properties }) => {
      const own = fixedColour.safeParse(properties.find(({ id }) => id === 'color')?.value).data;
      return own === undefined ? [] : [[matcher.options, own.fixedColor] as const];
    }),
  );
  const lines = answers.flatMap((answer, index) =>
    answer.kind !== 'range'
      ? []
      : answer.series.map(({ labels, points }) => ({
          name: nameOf(panel.targets?.[index], labels),
          points: points.filter(({ time }) => time >= from),
        })),
  );
  return lines
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((line, index) => ({ ...line, tint: colour(fixed.get(line.name) ?? paletteColour(index)) }));
}

const margin = { left: 58, bottom: 18, top: 6 };

function axes({ width, from, to }: Drawn, height: number, top: number, unit: string): string {
  const parts: string[] = [];
  for (const share of unit === '' ? [] : [0, 0.5, 1]) {
    const y = margin.top + (1 - share) * (height - margin.top - margin.bottom);
    parts.push(
      `<line x1="${margin.left}" x2="${width}" y1="${y}" y2="${y}" stroke="#2a2d33"/><text x="${margin.left - 6}" y="${y + 4}" text-anchor="end">${written(top * share, unit)}</text>`,
    );
  }
  const every = to - from > 30 ? 10 : 1;
  for (let time = Math.ceil(from / every) * every; time < to; time += every) {
    const x = margin.left + ((time - from) / (to - from)) * (width - margin.left);
    parts.push(
      `<text x="${x}" y="${height - 4}" text-anchor="middle">${new Date(time * 1000).toISOString().slice(11, 19)}</text>`,
    );
  }
  return parts.join('');
}

export function lineGraph(drawn: Drawn): string {
  const { unit = '', custom, max } = defaultsOf(drawn.panel);
  const lines = linesOf(drawn);
  const stacked = custom?.stacking?.mode === 'normal';
  const height = drawn.height - 18;
  const sums = new Map<number, number>();
  for (const { points } of lines) for (const { time, value } of points) sums.set(time, (sums.get(time) ?? 0) + value);
  const tops = stacked ? [...sums.values()] : lines.flatMap(({ points }) => points.map(({ value }) => value));
  const top = Math.max(max ?? 0, ...tops) || 1;
  const x = (time: number) =>
    margin.left + ((time - drawn.from) / (drawn.to - drawn.from)) * (drawn.width - margin.left);
  const y = (value: number) => margin.top + (1 - value / top) * (height - margin.top - margin.bottom);
  const below = new Map<number, number>();
  const drawnLines = lines.map(({ points, tint }) => {
    const placed = points.map(({ time, value }) => {
      const base = stacked ? (below.get(time) ?? 0) : 0;
      below.set(time, base + value);
      return { time, base, value: base + value };
    });
    if (custom?.drawStyle === 'bars') {
      const each = Math.max((x(drawn.from + 8) - x(drawn.from)) * 0.8, 2);
      return placed
        .filter(({ value, base }) => value > base)
        .map(
          ({ time, base, value }) =>
            `<rect x="${x(time) - each / 2}" y="${y(value)}" width="${each}" height="${y(base) - y(value)}" fill="${tint}"/>`,
        )
        .join('');
    }
    const path = placed
      .map(({ time, value }, index) => `${index === 0 ? 'M' : 'L'}${x(time).toFixed(1)},${y(value).toFixed(1)}`)
      .join('');
    const back = [...placed]
      .reverse()
      .map(({ time, base }) => `L${x(time).toFixed(1)},${y(base).toFixed(1)}`)
      .join('');
    return `<path d="${path}${back}Z" fill="${tint}" opacity="${stacked ? 0.4 : 0.08}"/><path d="${path}" fill="none" stroke="${tint}" stroke-width="1.5"/>`;
  });
  const legend = lines.map(({ name, tint }) => `<span><i style="background:${tint}"></i>${html(name)}</span>`).join('');
  return `<svg width="${drawn.width}" height="${height}">${axes(drawn, height, top, unit)}${drawnLines.join('')}</svg><div class="legend">${legend}</div>`;
}

export function stateTimeline(drawn: Drawn): string {
  const lines = linesOf(drawn);
  const height = drawn.height;
  const row = (height - margin.bottom) / lines.length;
  const x = (time: number) =>
    margin.left + ((time - drawn.from) / (drawn.to - drawn.from)) * (drawn.width - margin.left);
  const parts = lines.map(({ name, points }, index) => {
    const blocks = points.flatMap(({ time, value }, at) =>
      at > 0 && points[at - 1]?.value === value ? [] : [{ time, value }],
    );
    const drawnBlocks = blocks.map(({ time, value }, at) => {
      const block = mapped(drawn.panel, value);
      const width = x(blocks[at + 1]?.time ?? drawn.to) - x(time);
      const label =
        width > 50
          ? `<text x="${x(time) + 6}" y="${index * row + row / 2 + 4}" style="fill:#fff">${block?.text ?? value}</text>`
          : '';
      return `<rect x="${x(time)}" y="${index * row + 4}" width="${width}" height="${row - 8}" fill="${colour(block?.color ?? 'text')}" opacity="0.8"/>${label}`;
    });
    return `<text x="${margin.left - 6}" y="${index * row + row / 2 + 4}" text-anchor="end">${html(name)}</text>${drawnBlocks.join('')}`;
  });
  return `<svg width="${drawn.width}" height="${height}">${axes(drawn, height, 1, '')}${parts.join('')}</svg>`;
}

export function tableView(drawn: Drawn): string {
  const { transformations = [] } = drawnConfig.parse(drawn.panel);
  const titles = transformations.find(({ id }) => id === 'organize')?.options.renameByName ?? {};
  const all = transformations.find(({ id }) => id === 'filterFieldsByName')?.options.include?.names ?? [];
  const fields = all.filter((field) => !columnOf(drawn.panel, titles[field] ?? field).isHidden);
  const rows = cellsOf(drawn.answers).slice(0, Math.floor(drawn.height / 24) - 1);
  const cells = (row: Readonly<Record<string, string | number>>) =>
    fields.map((field) => {
      const { unit, colours } = columnOf(drawn.panel, titles[field] ?? field);
      const value = row[field] ?? '';
      const text = value !== '' && unit !== undefined ? written(Number(value), unit) : String(value);
      const tint = colours[text] === undefined ? '' : ` style="color:${colour(colours[text] ?? '')}"`;
      return `<td${tint}>${html(text.length > 60 ? `${text.slice(0, 59)}…` : text)}</td>`;
    });
  const head = fields.map((field) => `<th>${html(titles[field] ?? field)}</th>`).join('');
  return `<table><tr>${head}</tr>${rows.map((row) => `<tr>${cells(row).join('')}</tr>`).join('')}</table>`;
}

function columnOf(
  panel: Panel,
  title: string,
): { readonly unit?: string; readonly colours: Readonly<Record<string, string>>; readonly isHidden: boolean } {
  const properties = overridesOf(panel).find(({ matcher }) => matcher.options === title)?.properties ?? [];
  const propertyOf = (wanted: string): unknown => properties.find(({ id }) => id === wanted)?.value;
  const unit = z.string().safeParse(propertyOf('unit')).data;
  const words = mappings.safeParse(propertyOf('mappings')).data?.[0]?.options ?? {};
  const colours = Object.fromEntries(Object.entries(words).map(([text, { color = '' }]) => [text, color]));
  const isHidden = properties.some(({ id }) => id === 'custom.hidden');
  return unit === undefined ? { colours, isHidden } : { unit, colours, isHidden };
}

/** Rows by field: of log records as they are, the newest first; of metrics merged by their labels. */
function cellsOf(answers: readonly Answer[]): Record<string, string | number>[] {
  const rows = new Map<string, Record<string, string | number>>();
  for (const [index, answer] of answers.entries()) {
    if (answer.kind === 'lines') {
      return [...answer.entries]
        .reverse()
        .map(({ line, metadata, timeNs }) => ({ ...metadata, Line: line, Time: timeOf(timeNs) }));
    }
    if (answer.kind !== 'instant') continue;
    for (const { labels, value } of answer.rows) {
      const key = JSON.stringify(labels);
      rows.set(key, { ...labels, ...rows.get(key), [`Value #${String.fromCharCode(65 + index)}`]: value });
    }
  }
  return [...rows.values()].sort((a, b) => Number(b['Value #A'] ?? 0) - Number(a['Value #A'] ?? 0));
}

export function logView(drawn: Drawn): string {
  const [answer] = drawn.answers;
  if (answer?.kind !== 'lines') return '';
  const shown = answer.entries.slice(0, Math.floor(drawn.height / 18));
  return `<div class="log">${shown.map(({ line, timeNs }) => `<b>${timeOf(timeNs).slice(11)}</b>  ${html(line)}`).join('\n')}</div>`;
}

function timeOf(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, 23).replace('T', ' ');
}
