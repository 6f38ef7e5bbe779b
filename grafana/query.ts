// A query as data: its language, its text, and how it is asked. Knows nothing of panels; panels.ts turns it into a target.

export type Query =
  | {
      readonly language: 'promql';
      readonly expr: string;
      /** `range`: a line over time. `instant`: one value now for the whole time range. `table`: the same, as rows. */
      readonly ask: 'range' | 'instant' | 'table';
      readonly legend: string;
      readonly exemplars: boolean;
    }
  | {
      readonly language: 'logql';
      readonly expr: string;
      /** `logs`: the newest lines, not more than `limit` of them. */
      readonly ask: 'range' | 'instant' | 'logs';
      readonly legend: string;
      readonly limit: number;
    }
  | { readonly language: 'traceql'; readonly expr: string; readonly table: 'spans' | 'traces'; readonly limit: number };

/** Names a series by its labels, as Grafana writes them: `{{workflow}}`. */
export function overTime(expr: string, legend: string, more: { readonly exemplars?: boolean } = {}): Query {
  return { language: 'promql', expr, ask: 'range', legend, exemplars: more.exemplars ?? false };
}

export function now(expr: string, legend = ''): Query {
  return { language: 'promql', expr, ask: 'instant', legend, exemplars: false };
}

export function rows(expr: string): Query {
  return { language: 'promql', expr, ask: 'table', legend: '', exemplars: false };
}

export function logsOverTime(expr: string, legend: string): Query {
  return { language: 'logql', expr, ask: 'range', legend, limit: 0 };
}

export function logsNow(expr: string, legend = ''): Query {
  return { language: 'logql', expr, ask: 'instant', legend, limit: 0 };
}

export function logLines(expr: string, limit: number): Query {
  return { language: 'logql', expr, ask: 'logs', legend: '', limit };
}

/** An empty text asks for nothing yet, as of a trace that nobody has chosen. */
export function traces(expr: string, table: 'spans' | 'traces' = 'spans', limit = 200): Query {
  return { language: 'traceql', expr, table, limit };
}
