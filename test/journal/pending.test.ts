// The queue of frames that a full disk does not take: what finds no room there is counted, line by line.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FrameFields } from '../../src/journal/frame.ts';
import { createPending, type Loss } from '../../src/journal/pending.ts';

type Chunk = { readonly stream: 'stdout' | 'stderr'; readonly text: string };
type Step = { readonly write: Chunk } | 'take one';

const chunk = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  text: fc.constantFrom('a\n', 'a', 'a\nb', 'a\nb\n', 'a\nb\nc', 'long '.repeat(30), `${'long '.repeat(30)}\n`),
});
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: chunk.map((write) => ({ write })) }, fc.constant('take one' as const)),
  {
    minLength: 1,
    maxLength: 40,
  },
);

/** Numbers chunks as the writer does, and knows to which printed line each number belongs. */
function createPrinter() {
  const open = new Map<string, string>();
  const lineOf = new Map<number, string>();
  /** Of each piece that continues a line, all numbers of that line before it. */
  const beginningOf = new Map<number, readonly number[]>();
  let nextSeq = 0;
  const number = (fields: Omit<FrameFields, 'seq' | 'timeNs'>): FrameFields => {
    const numbered = { ...fields, seq: nextSeq, timeNs: BigInt(nextSeq) };
    nextSeq += fields.lineCount;
    return numbered;
  };
  const common = { severity: undefined, subject: undefined };
  return {
    lineOf,
    beginningOf,
    lossFields: () =>
      number({ ...common, kind: 'event', stream: undefined, continues: false, unterminated: false, lineCount: 1 }),
    print({ stream, text }: Chunk): FrameFields {
      const before = open.get(stream);
      const unterminated = !text.endsWith('\n');
      const lineCount = text.split('\n').length - (unterminated ? 0 : 1);
      const continues = before !== undefined;
      const fields = number({ ...common, kind: 'output', stream, continues, unterminated, lineCount });
      if (continues)
        beginningOf.set(
          fields.seq,
          [...lineOf].filter(([, line]) => line === before).map(([seq]) => seq),
        );
      for (let line = 0; line < lineCount; line++) {
        const name = line === 0 && before !== undefined ? before : `${stream} ${fields.seq + line}`;
        lineOf.set(fields.seq + line, name);
        if (line === lineCount - 1 && unterminated) open.set(stream, name);
        else open.delete(stream);
      }
      return fields;
    },
  };
}

/** @returns the lines that were counted as lost, by the queue and by the records that report it, and those of which a part is lost */
function fill(all: readonly Step[], end: 'drop output' | 'give up' | 'take all') {
  const pending = createPending(600);
  const printer = createPrinter();
  const kept = new Set<number>();
  const joins: { readonly seq: number; readonly continues: boolean }[] = [];
  let reported = 0;
  const keep = ({ seq, lineCount, kind, continues }: FrameFields, payload: Buffer | Loss): void => {
    if (!Buffer.isBuffer(payload)) reported += payload.lines;
    else if (printer.beginningOf.has(seq)) joins.push({ seq, continues });
    if (kind === 'output') for (let line = 0; line < lineCount; line++) kept.add(seq + line);
  };
  const takeOne = (): boolean => {
    const frame = pending.first();
    if (frame === undefined) return false;
    keep(frame.fields, frame.payload);
    pending.shift();
    return true;
  };
  for (const step of all) {
    if (step === 'take one') {
      takeOne();
      continue;
    }
    const frame = pending.track(printer.print(step.write));
    const payload = Buffer.from(step.write.text);
    if (pending.isEmpty() && frame.fields.seq % 2 === 0) keep(frame.fields, payload);
    else pending.push(frame, payload, printer.lossFields);
  }
  if (end === 'drop output') pending.dropOutput();
  if (end === 'give up') pending.giveUp();
  while (takeOne());
  const broken = new Set([...printer.lineOf].filter(([seq]) => !kept.has(seq)).map(([, line]) => line));
  const isBehindAll = (seq: number): boolean =>
    printer.beginningOf.get(seq)?.every((piece) => kept.has(piece)) ?? false;
  const wrongJoins = joins.filter(({ seq, continues }) => continues !== isBehindAll(seq));
  return { counted: pending.lost().lines, reported, broken: broken.size, wrongJoins };
}

test('a piece that is kept continues its line where all of it before the piece is kept, and nothing otherwise', () => {
  fc.assert(
    fc.property(steps, (all) => {
      expect(fill(all, 'take all').wrongJoins).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test.each(['drop output', 'give up', 'take all'] as const)(
  'counts each line of which a part is lost, and counts it once: %s',
  (end) => {
    fc.assert(
      fc.property(steps, (all) => {
        const { counted, reported, broken } = fill(all, end);
        expect(counted).toBe(broken);
        if (end !== 'give up') expect(reported).toBe(broken);
      }),
      { numRuns: 500 },
    );
  },
);
