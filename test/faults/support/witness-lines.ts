// Lines as the witness prints them, for faults that write a journal without a child.
import { crc32 } from 'node:zlib';
import type { OutputDraft } from '../../../src/core/record.ts';

/** @param after the number of the line before the first */
export function witnessLines(name: string, after: number, count: number, padding: number): OutputDraft {
  const pad = 'p'.repeat(padding);
  const text = Array.from({ length: count }, (_, index) => {
    const what = `${name} ${after + index + 1}`;
    return `w ${what} ${crc32(`${what} ${pad}`).toString(16).padStart(8, '0')} ${pad}\n`;
  }).join('');
  return {
    subject: { step: 'build', attempt: 1 },
    stream: 'stdout',
    severity: undefined,
    lineCount: count,
    bytes: Buffer.from(text),
    unterminated: false,
  };
}
