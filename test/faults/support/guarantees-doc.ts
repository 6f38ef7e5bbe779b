// Puts the table of a run of the matrix into docs/guarantees.md, between its two marks, and leaves the words around it alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Row, table } from './tally.ts';

const page = fileURLToPath(new URL('../../../docs/guarantees.md', import.meta.url));
const [begin, end] = ['<!-- matrix: written by `npm run test:faults -- --write` -->', '<!-- /matrix -->'];

/** @param from which run of the matrix it is, so that it can be made again */
export function writeGuarantees(rows: readonly Row[], from: string): void {
  const text = readFileSync(page, 'utf8');
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${page} has no place between ${begin} and ${end}`);
  const what = rows.map(({ name, what }) => `- **${name}**: ${what}`).join('\n');
  writeFileSync(page, `${before}${begin}\n${table(rows)}\n\nFrom ${from}.\n\n${what}\n${end}${after}`);
}
