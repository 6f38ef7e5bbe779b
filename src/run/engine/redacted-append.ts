// The append that the engine writes through: no text of an event, and no line of stepspan's own, gets past it without the
// redactor. What children print is redacted where it is read (output-sink.ts), as a secret can be split across reads.
import type { Append } from '../../core/record.ts';
import type { Redactor } from '../redact/index.ts';

/** @param append the journal's own */
export function redactAppend(append: Append, redactor: Redactor): Append {
  return {
    output(draft) {
      if (draft.stream !== 'system') return append.output(draft);
      // One line with its end. What is hidden could hold a line end of its own, as a private key does.
      const { text, hidden } = redactor.text(draft.bytes.toString('utf8').trimEnd());
      if (hidden === undefined) return append.output(draft);
      const seq = append.output({ ...draft, bytes: Buffer.from(`${text.replaceAll('\n', ' ')}\n`) });
      append.event({ type: 'secret.redacted', kinds: hidden }, draft.subject);
      return seq;
    },
    event(event, subject) {
      const { value, hidden } = redactor.value(event);
      const recordHidden = (): void => {
        if (hidden !== undefined) append.event({ type: 'secret.redacted', kinds: hidden }, subject);
      };
      // Readers stop at the end of the run, so nothing may come after it.
      if (event.type === 'run.finished') recordHidden();
      const seq = append.event(value, subject);
      if (event.type !== 'run.finished') recordHidden();
      return seq;
    },
  };
}
