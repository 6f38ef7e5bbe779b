// Output that is too large for one frame: split at lines, or inside one without breaking a character.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxFrameBytes, maxOutputPayloadBytes } from '../../src/journal/format.ts';
import { createJournal } from '../../src/journal/index.ts';
import { splitOutput } from '../../src/journal/split-output.ts';
import { readRecords } from '../support/journal.ts';
import { flat, output, runFinished, tempRun } from './journal-rig.ts';

test('parts join to the whole, none is too large, and each says how it is cut and how many lines it has', () => {
  const text = fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(text, fc.boolean(), fc.integer({ min: 1, max: 40 }), (words, ended, maxBytes) => {
      const joined = words.map((word) => word.replaceAll(/[\n\ufffd]/g, '')).join('\n') + (ended ? '\n' : '');
      const whole = output(joined === '' || joined.endsWith('\n') ? `${joined}x` : joined, { continues: ended });
      const parts = [...splitOutput(whole, maxBytes)];
      expect(Buffer.concat(parts.map((part) => part.bytes)).equals(whole.bytes)).toBe(true);
      for (const [index, part] of parts.entries()) {
        expect(part.bytes.length).toBeLessThanOrEqual(maxBytes);
        expect(part.bytes.length).toBeGreaterThan(0);
        const newlines = part.bytes.filter((byte) => byte === 0x0a).length;
        expect(part.lineCount).toBe(newlines + (part.unterminated ? 1 : 0));
        expect(part.unterminated).toBe(part.bytes.at(-1) !== 0x0a);
        expect(part.continues).toBe(index === 0 ? ended : parts[index - 1]!.unterminated);
        // Four bytes hold any character, so from there on none is cut in two.
        if (maxBytes >= 4) expect(part.bytes.toString()).not.toContain('\ufffd');
      }
    }),
  );
});

test('no character is cut in two, whatever mix of lengths meets whatever bound that can hold one', () => {
  const characters = ['a', 'é', '€', '😀', '\n'];
  for (let mix = 0; mix < characters.length ** 5; mix++) {
    let text = '';
    for (let rest = mix, length = 0; length < 5; length++) {
      text += characters[rest % characters.length];
      rest = Math.floor(rest / characters.length);
    }
    for (const maxBytes of [4, 5, 6, 7]) {
      const parts = [...splitOutput(output(`${text}.`), maxBytes)].map((part) => part.bytes.toString());
      expect(parts.join('')).toBe(`${text}.`);
    }
  }
});

test('output larger than a frame is journaled in several, and reads back as it was', async () => {
  const folder = tempRun();
  const journal = createJournal(folder);
  const long = 'é'.repeat(maxOutputPayloadBytes);
  const text = `first\n${long}\nlast\n`;
  expect(journal.output(output(text))).toBe(0);
  await journal.close();
  const records = await readRecords(folder);
  expect(records.length).toBeGreaterThan(2);
  const bytes = Buffer.concat(records.map((record) => (record.kind === 'output' ? record.bytes : Buffer.alloc(0))));
  expect(bytes.toString() === text).toBe(true);
  expect(flat(records).map(([seq]) => seq)).toEqual(flat(records).map((_, seq) => seq));
});

test('an event larger than a frame may be is counted as lost, with its size', async () => {
  const folder = tempRun();
  const journal = createJournal(folder);
  journal.event({ type: 'claude.message', text: 'x'.repeat(maxFrameBytes), parentToolUseId: undefined });
  journal.event(runFinished);
  await journal.close();
  const [lost, finished] = await readRecords(folder);
  expect(lost).toMatchObject({ event: { type: 'journal.lost', reason: 'size', events: 1, lines: 0 } });
  expect(finished).toMatchObject({ seq: 1, event: { type: 'run.finished' } });
});

test('an event of several megabytes reads back whole', async () => {
  const folder = tempRun();
  const journal = createJournal(folder);
  const text = 'y'.repeat(5_000_000);
  journal.event({ type: 'claude.message', text, parentToolUseId: undefined });
  journal.output(output('after\n'));
  await journal.close();
  const [said, after] = await readRecords(folder);
  expect(said?.kind === 'event' && said.event.type === 'claude.message' && said.event.text === text).toBe(true);
  expect(after?.seq).toBe(1);
});
