// What a Claude step was given, as an event: its texts without secrets, bounded. Called when an attempt has started.

import type { EventOf } from '../../core/event.ts';
import { cutMiddle, sizeOf } from '../../text/cut-middle.ts';
import type { Redactor } from '../redact/index.ts';
import type { ClaudeInputs } from './claude-inputs.ts';

/** Of each text. Two outputs of the largest size fit; more of it is in the journal as output of the steps that gave it. */
const maxPromptBytes = 256 * 1024;

/** Secrets are replaced before a text is cut: half of one would not be known. */
export function promptedEvent(
  { prompt, step }: Pick<ClaudeInputs, 'prompt' | 'step'>,
  redactor: Redactor,
): EventOf<'claude.prompted'> {
  const bounded = (text: string) => boundedText(redactor.text(text).text);
  const maybe = (text: string | undefined) => (text === undefined ? undefined : bounded(text).text);
  return {
    type: 'claude.prompted',
    ...bounded(prompt),
    systemPrompt: maybe(step.systemPrompt),
    appendSystemPrompt: maybe(step.appendSystemPrompt),
  };
}

function boundedText(text: string): { readonly text: string; readonly bytes: number; readonly isCut: boolean } {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxPromptBytes) return { text, bytes: bytes.length, isCut: false };
  const ends = { head: bytes, tail: bytes, size: sizeOf(bytes) };
  const cut = cutMiddle(ends, maxPromptBytes, (leftOut) => `[... ${leftOut.bytes} bytes of the prompt left out ...]`);
  return { text: cut.text, bytes: bytes.length, isCut: true };
}
