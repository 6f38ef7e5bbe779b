// Reads what /metrics answers, in either format: samples by name and labels, types by family, exemplars.
export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: Readonly<Record<string, string>> | undefined;
};

export type Scraped = {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
  /** The value of the one series with these labels; undefined if there is none. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
  /** The sum over all series that have these labels. */
  readonly sum: (name: string, labels?: Readonly<Record<string, string>>) => number;
};

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? (\S+)(?: # \{(.*)\} (\S+) (\S+))?$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function readScrape(text: string): Scraped {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const row of text.split('\n')) {
    if (row.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = row.split(' ');
      if (types.has(name)) throw new Error(`${name} has two types`);
      types.set(name, type);
    }
    if (row === '' || row.startsWith('#')) continue;
    const match = line.exec(row);
    if (match === null) throw new Error(`no sample: ${row}`);
    const [, name = '', labels = '', value = '', exemplar] = match;
    samples.push({
      name,
      labels: labelsOf(labels),
      value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
      exemplar: exemplar === undefined ? undefined : labelsOf(exemplar),
    });
  }
  const find = (name: string, labels: Readonly<Record<string, string>>): Sample[] =>
    samples.filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  return {
    types,
    samples,
    value(name, labels = {}) {
      const found = find(name, labels);
      if (found.length > 1) throw new Error(`${name} with ${JSON.stringify(labels)} names ${found.length} series`);
      return found[0]?.value;
    },
    sum: (name, labels = {}) => find(name, labels).reduce((sum, { value }) => sum + value, 0),
  };
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(label)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char)),
    ]),
  );
}
