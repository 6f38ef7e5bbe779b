// What of a Claude session is read as its conversation. Pure.
import type { ConversationAnswer } from '../../src/api/schema/answers.ts';

export type Turn = ConversationAnswer['turns'][number];

/** Usage is reported again with each part of one answer of the model, each time for all of it: the last one counts. */
export function readableTurns(turns: readonly Turn[]): readonly Turn[] {
  const last = new Map<string, number>();
  for (const { event, seq } of turns) if (event.type === 'claude.usage') last.set(event.messageId, seq);
  return turns.filter(({ event, seq }) => event.type !== 'claude.usage' || last.get(event.messageId) === seq);
}
