// What a person sees of every panel, computed from the checked-in JSON as Grafana does: without data, with one row, and with
// many rows in any order with holes. The sentence of an empty panel never replaces a cell, a name or an axis; a lone bar has its
// name; every table has its order and fits; nothing that is empty looks good or bad.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepStates } from '../../src/readers/ship/map/event-records.ts';
import { dashboards, type Panel } from './support/dashboards.ts';
import { barsSeen, type Field, type Frame, numberSeen, statesSeen, tableSeen, type Value } from './support/render.ts';

const every = dashboards.flatMap((dashboard) =>
  dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map((panel) => ({ panel, name: `${dashboard.uid} / ${panel.title}` })),
);
const ofType = (...types: readonly string[]) => every.filter(({ panel }) => types.includes(panel.type));
const panelOf = (name: string): Panel => every.find((each) => each.name === name)!.panel;
const sentenceOf = (panel: Panel): string => panel.fieldConfig?.defaults.noValue ?? '';

type Include = { readonly include?: { readonly names: readonly string[] } };
/** The fields that a panel keeps, in the order of its transformation. */
const namesOf = (panel: Panel): readonly string[] => {
  const all = (panel as { transformations?: { id: string; options: Include }[] }).transformations ?? [];
  return all.find(({ id }) => id === 'filterFieldsByName')?.options.include?.names ?? [];
};
const isNumber = (field: string): boolean => /^Value( #[A-Z])?$/.test(field);

const word = fc
  .string({ minLength: 1, maxLength: 12 })
  .filter((text) => !/^[\d.-]+$/.test(text) && !text.includes('$'));
const amount = fc.double({ min: 0.001, max: 1e6, noNaN: true });

/** So that rows neither merge nor tie, which would leave more than one right order. */
const distinct = (value: string | number, row: number): Value =>
  typeof value === 'number' ? Math.floor(value) * 10 + row : `${value} ${row}`;

/** An answer with these fields and more of no interest, of distinct rows. */
function answer(
  names: readonly string[],
  rows: fc.Arbitrary<unknown[]> = fc.array(fc.constant(0), { minLength: 1, maxLength: 8 }),
) {
  return rows.chain((all) =>
    fc
      .tuple(...all.map(() => fc.tuple(...names.map((name) => (isNumber(name) ? amount : word)))))
      .map((made): Frame => {
        const fieldOf = (name: string, index: number): Field => ({
          name,
          type: isNumber(name) ? 'number' : 'string',
          values: made.map((cells, row) => distinct(cells[index] as string | number, row)),
        });
        const times: Field = { name: 'Time', type: 'time', values: made.map((_, index) => (index * 7919) % 101) };
        return {
          fields: [times, ...names.filter((name) => name !== 'Time').map((name) => fieldOf(name, names.indexOf(name)))],
        };
      }),
  );
}

describe('bars', () => {
  test.each(ofType('bargauge'))(
    'of $name have their names, also a lone one, and the longest comes first',
    ({ panel }) => {
      fc.assert(
        fc.property(answer(namesOf(panel)), (frame) => {
          const bars = barsSeen(panel, [frame]);
          const labels = namesOf(panel).filter((field) => !isNumber(field));
          const column = (name: string) => frame.fields.find((field) => field.name === name)!.values;
          const expected = column(namesOf(panel).find(isNumber)!)
            .map((value, row) => ({
              value: value as number,
              name: labels.map((label) => column(label)[row]).join(' · '),
            }))
            .sort((a, b) => b.value - a.value);
          expect(bars.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
          for (const { text } of bars) expect(text).not.toContain(sentenceOf(panel));
        }),
      );
    },
  );

  test.each(ofType('bargauge'))(
    'of $name do not repeat the sentence of an empty panel for a label that is missing',
    ({ panel }) => {
      const fields = namesOf(panel).map(
        (name): Field => ({
          name,
          type: isNumber(name) ? 'number' : 'string',
          values: [isNumber(name) ? 3 : undefined],
        }),
      );
      for (const { name, text } of barsSeen(panel, [{ fields }]))
        expect(`${name}${text}`).not.toContain(sentenceOf(panel));
    },
  );
});

describe('a panel without data', () => {
  test.each(ofType('bargauge', 'stat'))('$name says so in a neutral colour', ({ panel }) => {
    const seen = panel.type === 'stat' ? [numberSeen(panel, undefined)] : barsSeen(panel, []);
    expect(seen).toEqual([expect.objectContaining({ text: sentenceOf(panel), colour: 'text' })]);
  });

  test('does not say that all is well if nothing is known', () => {
    // Both can be true of an empty answer, so a sentence that is good news names the other case too.
    for (const { panel, name } of ofType('bargauge').filter(({ panel }) => panel.datasource?.type === 'prometheus')) {
      expect(sentenceOf(panel), name).toMatch(/is scraped|No Claude step|No run/);
    }
  });
});

describe('a number', () => {
  test.each(ofType('stat'))('$name is not in the colour of an empty panel', ({ panel }) => {
    const field = (panel as { options?: { reduceOptions?: { fields?: string } } }).options?.reduceOptions?.fields;
    if (field !== undefined && field !== '') return;
    for (const value of [0, 1, 5, 1000]) expect(numberSeen(panel, value).colour).not.toBe('text');
  });
});

describe('a graph', () => {
  test.each(ofType('timeseries'))(
    '$name has no fixed decimals, which would repeat its ticks, and no sentence on its axis',
    ({ panel }) => {
      const { defaults, overrides } = panel.fieldConfig!;
      expect(defaults).not.toHaveProperty('decimals');
      expect(overrides[0]).toEqual({
        matcher: { id: 'byRegexp', options: '/.*/' },
        properties: [{ id: 'noValue', value: '–' }],
      });
    },
  );

  test('of lines is not filled, as many areas over one another cannot be distinguished', () => {
    for (const { panel, name } of ofType('timeseries')) {
      const custom = (
        panel.fieldConfig!.defaults as {
          custom?: { drawStyle?: string; fillOpacity?: number; stacking?: { mode: string } };
        }
      ).custom;
      if (custom?.drawStyle === 'line' && custom.stacking?.mode === 'none') expect(custom.fillOpacity, name).toBe(0);
    }
  });
});

/** Pixels of the content of a panel, on a screen of 1440. */
const widthOf = (panel: Panel): number => (panel.gridPos.w / 24) * 1400 - 20;
/** Less is not enough for a name or a sentence. */
const leastWidth = 100;

const tables = ofType('table').filter(({ panel }) => namesOf(panel).length > 0);

describe('a table', () => {
  test.each(tables)(
    '$name has only columns with a title, in order, without the sentence of an empty panel in a cell',
    ({ panel }) => {
      const sort = (
        panel as unknown as { transformations: { id: string; options: { sort: { field: string; desc: boolean }[] } }[] }
      ).transformations.find(({ id }) => id === 'sortBy')!.options.sort[0]!;
      const names = namesOf(panel);
      fc.assert(
        fc.property(answer(names), (frame) => {
          const seen = tableSeen(panel, [frame]);
          expect(seen.heads.filter((head) => /_|#/.test(head))).toEqual([]);
          expect(seen.heads.length).toBeGreaterThan(3);
          for (const { text } of seen.rows.flat()) {
            expect(text).not.toContain(sentenceOf(panel));
            expect(text).not.toBe('');
          }
          const source = frame.fields.find(({ name }) => name === sort.field)!;
          const order = [...source.values].sort((a, b) => ((a ?? 0) < (b ?? 0) ? -1 : 1));
          const first = sort.desc ? order.at(-1) : order[0];
          const row = source.values.indexOf(first);
          const label = names.findIndex((name) => !isNumber(name) && name !== 'Time');
          const text = frame.fields.find(({ name }) => name === names[label])!.values[row];
          expect(seen.rows[0]!.map((cell) => cell.text)).toContain(`${text}`);
        }),
      );
    },
  );

  test.each(tables)('$name fits into its panel, with room for columns without a width', ({ panel }) => {
    const widths = (panel.fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.flatMap(({ id, value }) => (id === 'custom.width' ? [value as number] : [])),
    );
    const seen = tableSeen(panel, [{ fields: namesOf(panel).map((name) => ({ name, type: 'string', values: [''] })) }]);
    const free = seen.heads.length - widths.length;
    expect(widths.reduce((sum, each) => sum + each, 0) + free * leastWidth).toBeLessThanOrEqual(widthOf(panel));
  });

  test('has – for a missing value, "unknown" for a cost that nobody reported, and – for no cost', () => {
    const panel = panelOf('stepspan-overview / Runs that ended');
    const field = (name: string, values: readonly Value[]): Field => ({
      name,
      type: name === 'Time' ? 'time' : 'string',
      values,
    });
    const { heads, rows } = tableSeen(panel, [
      {
        fields: [
          field('Line', ['run success', 'run success', 'run failure']),
          field('Time', [1, 3, 2]),
          field('cicd_pipeline_run_id', ['a', 'c', 'b']),
          field('cicd_pipeline_name', ['w', 'w', 'w']),
          field('cicd_pipeline_result', ['success', 'success', 'failure']),
          field('stepspan_reason', [undefined, undefined, 'step_failed']),
          field('stepspan_cost_usd', ['unknown', '0.0596', '0']),
          field('stepspan_duration_ms', ['871', '3801', '548']),
          field('trace_id', ['t', 't', 't']),
          field('run_from', ['1', '1', '1']),
          field('detected_level', ['info', 'info', 'info']),
        ],
      },
    ]);
    expect(heads).toEqual(['Ended', 'Workflow', 'Run', 'Result', 'Reason', 'Duration', 'Cost', 'Trace', 'Summary']);
    const of = (head: string) => rows.map((row) => row[heads.indexOf(head)]!.text);
    expect(of('Run')).toEqual(['c', 'b', 'a']);
    expect(of('Cost')).toEqual(['$0.06', '–', 'unknown']);
    expect(of('Reason')).toEqual(['–', 'step_failed', '–']);
    expect(of('Duration')).toEqual(['3801 ms', '548 ms', '871 ms']);
    expect(rows.map((row) => row[heads.indexOf('Result')]!.colour)).toEqual(['green', 'red', 'green']);
  });
});

describe('particular panels', () => {
  test('the state timeline has its steps in the order of their start, each with all of its states', () => {
    const field = (name: string, type: Field['type'], values: readonly Value[]): Field => ({ name, type, values });
    const { running, success, failure, waiting } = stepStates;
    // As Loki returns them: the shard of the newest hour may come last.
    const seen = statesSeen(panelOf('stepspan-run / What was each step doing?'), [
      {
        fields: [
          field('Time', 'time', [4, 5, 1, 3, 2]),
          field('stepspan_step_id', 'string', ['zeta', 'alpha', 'zeta', 'alpha', 'mid']),
          field('stepspan_step_state', 'string', [success, failure, running, running, waiting].map(String)),
          field('Line', 'string', ['', '', '', '', '']),
        ],
      },
    ]);
    expect(seen).toEqual([
      { row: 'zeta', states: ['running', 'success'] },
      { row: 'mid', states: ['waiting for a limit'] },
      { row: 'alpha', states: ['running', 'failure'] },
    ]);
  });

  test('severities have their colours, and ERROR is red', () => {
    const bars = barsSeen(panelOf('stepspan-run / Lines by severity'), [
      {
        fields: [
          { name: 'severity_text', type: 'string', values: ['INFO', 'ERROR', 'WARN', 'DEBUG'] },
          { name: 'Value #A', type: 'number', values: [9, 2, 3, 1] },
        ],
      },
    ]);
    expect(bars.map(({ name, colour }) => `${name} ${colour}`)).toEqual([
      'INFO blue',
      'WARN orange',
      'ERROR red',
      'DEBUG text',
    ]);
  });

  test('what is down is red and named, and nothing that is not asked looks green', () => {
    const panel = panelOf('stepspan-health / What is up?');
    expect(numberSeen(panel, 0)).toMatchObject({ text: 'down', colour: 'red' });
    expect(numberSeen(panel, 1)).toMatchObject({ text: 'up', colour: 'green' });
    expect(numberSeen(panel, undefined)).toMatchObject({ text: sentenceOf(panel), colour: 'text' });
  });
});
