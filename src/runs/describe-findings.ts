// Findings of a Claude step in words, for outcomes, summaries, mails and pages. Pure.
import { countFindings, type Finding, type FindingKind, type Findings, findingKinds } from '../core/finding.ts';
import { type Outcome, outcomeWord } from '../core/outcome.ts';
import { oneLine } from './describe-event.ts';

/** Of one finding's detail: a command that is long is still known by its beginning. */
const DETAIL_CHARACTERS = 80;
/** Of one kind that are named in one sentence; the rest is counted. */
const NAMED = 3;

const nouns: Readonly<Record<FindingKind, readonly [one: string, many: string]>> = {
  denied: ['tool call denied', 'tool calls denied'],
  hook_failed: ['hook failed', 'hooks failed'],
  mcp_unavailable: ['MCP server not connected', 'MCP servers not connected'],
  cut: ['answer cut', 'answers cut'],
  refused: ['answer refused', 'answers refused'],
  unanswered: ['tool call without a result', 'tool calls without a result'],
  subagent_failed: ['subagent failed', 'subagents failed'],
};

/** `2 tool calls denied: Edit a.txt, Bash npm test; 1 hook failed: Stop`; '' where nothing was found. */
export function describeFindings(findings: Findings): string {
  return findingsByKind(findings)
    .map(({ text }) => text)
    .join('; ');
}

/** One sentence for each kind of which there is at least one, in a fixed order. */
export function findingsByKind(
  findings: Findings,
): readonly { readonly kind: FindingKind; readonly count: number; readonly text: string }[] {
  return findingKinds.flatMap((kind) => {
    const count = findings.counts[kind] ?? 0;
    if (count === 0) return [];
    const [one, many] = nouns[kind];
    const names = namesOf(findings.items.filter((item) => item.kind === kind));
    const shown = names.slice(0, NAMED);
    if (names.length > NAMED) shown.push('…');
    const rest = shown.length === 0 ? '' : `: ${shown.join(', ')}`;
    return [{ kind, count, text: `${count} ${count === 1 ? one : many}${rest}` }];
  });
}

/** `Bash npm test`; what was found several times is named once, with its count. */
function namesOf(items: readonly Finding[]): string[] {
  const times = new Map<string, number>();
  for (const item of items) {
    const name = describeFinding(item);
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  return [...times].map(([name, count]) => (count === 1 ? name : `${name} (${count} times)`));
}

/** `Bash npm test`, `crash (failed)`. */
export function describeFinding({ kind, name, detail }: Finding): string {
  const flat = oneLine(detail, DETAIL_CHARACTERS);
  if (name === '') return flat;
  if (flat === '') return name;
  return kind === 'denied' || kind === 'unanswered' ? `${name} ${flat}` : `${name} (${flat})`;
}

/** `success, with warnings` for a success that rests on findings; otherwise its word alone. */
export function describeOutcomeKind(outcome: Outcome, findings: Findings): string {
  return outcome.kind === 'success' && countFindings(findings) > 0 ? 'success, with warnings' : outcomeWord(outcome);
}
