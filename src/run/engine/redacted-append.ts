// The append that the engine writes through: no text of an event gets past it without the redactor.
// Output lines are redacted where they are read (output-sink.ts), as a secret can be split across reads.
import type { Append } from '../../event/record.ts';
import type { Redactor } from '../redact/index.ts';

/** @param append the journal's own */
export function redactAppend(append: Append, redactor: Redactor): Append {
  return {
    output: append.output,
    event(event, subject) {
      const { value, hidden } = redactor.value(event);
      const seq = append.event(value, subject);
      if (hidden !== undefined) append.event({ type: 'secret.hidden', kinds: hidden }, subject);
      return seq;
    },
  };
}
