// The queries of the rules for Loki's ruler, apart from what they say. Names of streams and structured metadata are those
// that docs/telemetry.md lists, as Loki spells them: dots become underscores.

import { formatSetDuration } from '../../src/core/duration.ts';
import { attr } from '../../src/otlp/names.ts';
import type { Query } from './prometheus.ts';

const stream = '{service_name="stepspan"}';

function inLoki(attribute: string): string {
  return attribute.replaceAll('.', '_');
}

/** So that the alert has the label by which it is grouped with those of Prometheus and of stepspan itself. */
const byWorkflow = `| label_format workflow=${inLoki(attr.pipelineName)}`;

/** In OpenTelemetry 17 and above are ERROR and FATAL; the text is the same under other names in other libraries. */
const isError = '| severity_number >= 17';

/** What stepspan itself says of a run is a stream of its own, and an alert of its own. */
const printed = `| ${inLoki(attr.iostream)}=~"stdout|stderr"`;

export function errorBurst(at: { window: number; lines: number }): Query {
  const lines = `sum by (workflow) (count_over_time(${stream} ${isError} ${printed} ${byWorkflow} [${formatSetDuration(at.window)}]))`;
  return { expr: `${lines} > ${at.lines}`, measures: [lines] };
}

/**
 * What kernels, shells, Node, Java, Python and Go say when something has run out. Only on stderr: on stdout Claude talks
 * about such messages.
 */
const exhausted = [
  'no space left on device',
  'disk quota exceeded',
  'cannot allocate memory',
  'out of memory',
  'std::bad_alloc',
  'MemoryError',
  'too many open files',
  'resource temporarily unavailable',
];

export function resourceExhausted(at: { window: number }): Query {
  const pattern = `|~ \`(?i)${exhausted.join('|')}\``;
  const lines = `sum by (workflow) (count_over_time(${stream} ${pattern} | ${inLoki(attr.iostream)}="stderr" ${byWorkflow} [${formatSetDuration(at.window)}]))`;
  return { expr: `${lines} > 0`, measures: [lines] };
}
