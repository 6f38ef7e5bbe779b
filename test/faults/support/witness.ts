// Judges lines that the witness printed, wherever they have arrived: which have come, which twice, which damaged, and
// whether in order. Every fault that prints counts with this.
import { crc32 } from 'node:zlib';

export type Testimony = {
  /** Different whole lines of the witness. */
  readonly distinct: number;
  /** Numbers below the highest one of the same name that were not seen. */
  readonly missing: number;
  /** Lines that came again. */
  readonly duplicated: number;
  /** Lines that came after a later one of the same name. */
  readonly disordered: number;
  /** Lines that begin as the witness's do but are not whole. */
  readonly damaged: number;
};

export type WitnessLine = { readonly text: string };

const line = /^w (\S+) (\d+) ([0-9a-f]{8}) (\S*)$/;

/** Lines that were never a witness's are skipped. */
export function judge(lines: Iterable<WitnessLine>): Testimony {
  const seen = new Map<string, Set<number>>();
  const latest = new Map<string, number>();
  let [duplicated, disordered, damaged] = [0, 0, 0];
  for (const { text } of lines) {
    if (!text.startsWith('w ')) continue;
    const [, name = '', digits = '', crc, padding = ''] = line.exec(text) ?? [];
    if (crc !== crc32(`${name} ${digits} ${padding}`).toString(16).padStart(8, '0')) {
      damaged++;
      continue;
    }
    const number = Number(digits);
    const numbers = seen.get(name) ?? new Set();
    seen.set(name, numbers);
    if (numbers.has(number)) duplicated++;
    else if (number < (latest.get(name) ?? 0)) disordered++;
    numbers.add(number);
    latest.set(name, Math.max(number, latest.get(name) ?? 0));
  }
  const distinct = [...seen.values()].reduce((all, numbers) => all + numbers.size, 0);
  const printed = [...latest.values()].reduce((all, last) => all + last, 0);
  return { distinct, missing: printed - distinct, duplicated, disordered, damaged };
}
