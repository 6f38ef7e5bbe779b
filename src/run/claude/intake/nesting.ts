// Checks that Claude Code's own spans hang below the attempt's span, and which links of the chain never came: a span is
// sent when it ends, so a process that is killed leaves children whose parents were never sent. Pure, apart from its memory.
import { type JsonObject, textAt } from '../../../core/json.ts';
import { itemsIn } from '../../../otlp/request.ts';
import { idAt, nanosAt } from '../../../otlp/values.ts';

/** Spans that are remembered for one attempt; a day of work has some thousand. Beyond it they are shipped unchecked. */
export const MAX_SPANS = 100_000;

/** A span that is named as a parent and did not come, with what can be said of it from its children. */
export type MissingSpan = {
  readonly spanId: string;
  readonly childNames: readonly string[];
  /** The earliest start and latest end of its children, in Unix ns. */
  readonly startNs: bigint;
  readonly endNs: bigint;
};

export type NestingFound = {
  /** Spans of Claude Code whose chain of parents leads to the attempt's span. */
  readonly ownSpans: number;
  /** Spans of the run's trace whose chain ends at a span that never came. */
  readonly orphans: number;
  readonly missing: readonly MissingSpan[];
  /** Spans that came in traces of their own and were put below the attempt. */
  readonly adopted: number;
  /** Spans without a usable trace id. They are shipped as they are. */
  readonly untraced: number;
  /** The span of the whole interaction, if it came: what is missing is put below it. */
  readonly interactionId: string | undefined;
};

export type Nesting = {
  readonly take: (request: JsonObject) => void;
  readonly verify: () => Omit<NestingFound, 'adopted'>;
};

type Seen = { readonly parent: string; readonly name: string; readonly startNs: bigint; readonly endNs: bigint };

/** @param parentSpanId the attempt's span, below which everything must hang */
export function createNesting(traceId: string, parentSpanId: string, maxSpans = MAX_SPANS): Nesting {
  const seen = new Map<string, Seen>();
  let untraced = 0;

  function take(span: JsonObject): void {
    const spanId = idAt(span, 'spanId') ?? '';
    if (idAt(span, 'traceId') !== traceId) {
      untraced += 1;
      return;
    }
    if (seen.size >= maxSpans) return;
    seen.set(spanId, {
      parent: idAt(span, 'parentSpanId') ?? '',
      name: textAt(span, 'name') ?? '',
      startNs: nanosAt(span, 'startTimeUnixNano'),
      endNs: nanosAt(span, 'endTimeUnixNano'),
    });
  }

  /** The last span id of the chain of parents that is not among the seen ones; '' for a chain that runs in a circle. */
  function topOf(spanId: string, tops: Map<string, string>): string {
    const path: string[] = [];
    let at = spanId;
    for (let span = seen.get(at); span !== undefined && !tops.has(at); span = seen.get(at)) {
      path.push(at);
      // Marked before its parent is known, so that a circle ends here.
      tops.set(at, '');
      at = span.parent;
    }
    const top = tops.get(at) ?? at;
    for (const each of path) tops.set(each, top);
    return top;
  }

  return {
    take(request) {
      for (const span of itemsIn(request, 'traces')) take(span);
    },
    verify() {
      const tops = new Map<string, string>();
      let ownSpans = 0;
      let orphans = 0;
      let interactionId: string | undefined;
      const missing = new Map<string, MissingSpan>();
      for (const [spanId, span] of seen) {
        if (topOf(spanId, tops) === parentSpanId) {
          ownSpans += 1;
          if (span.parent === parentSpanId && span.name === 'claude_code.interaction') interactionId ??= spanId;
          continue;
        }
        orphans += 1;
        if (span.parent !== '' && !seen.has(span.parent)) {
          missing.set(span.parent, widened(missing.get(span.parent), span));
        }
      }
      return { ownSpans, orphans, missing: [...missing.values()], untraced, interactionId };
    },
  };
}

function widened(before: MissingSpan | undefined, child: Seen): MissingSpan {
  return {
    spanId: child.parent,
    childNames: [...(before?.childNames ?? []), child.name],
    startNs: before === undefined || child.startNs < before.startNs ? child.startNs : before.startNs,
    endNs: before === undefined || child.endNs > before.endNs ? child.endNs : before.endNs,
  };
}
