// What stepspan itself says about a run, as lines of stream `system` in the journal beside the child's own.
import type { Append, Severity, Subject } from '../../core/record.ts';

/** Writes one line. Line ends inside `text` would make two, so they become spaces. */
export type SystemLog = (severity: Severity, text: string, subject?: Subject) => void;

export function createSystemLog(append: Append): SystemLog {
  return (severity, text, subject) => {
    append.output({
      subject,
      stream: 'system',
      severity,
      lineCount: 1,
      bytes: Buffer.from(`${text.replace(/\s*\n\s*/g, ' ')}\n`),
      unterminated: false,
    });
  };
}
