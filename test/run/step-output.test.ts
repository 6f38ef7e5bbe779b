// What a step passes on to later steps: the head and the tail of what it printed, JSON read before anything is cut, and
// the message when something is left out.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
  rig.write('print.mjs', 'process.stdout.write(eval(process.argv[2]));\n');
});
afterAll(() => rig.close());

/** The documented bound of one output. */
const bound = 120 * 1024;

const given = (name: string): string => readFileSync(path.join(rig.work, name), 'utf8');

describe('a long output', () => {
  test('keeps its head and its tail, with a marker that says how much is left out and where it is', async () => {
    const { code, result } = await rig.runYaml(`
name: long
steps:
  - id: big
    run: |
      echo FIRST
      seq 1 40000
      echo "FAILURE at the end"
  - id: use
    needs: big
    run: printf '%s' "$STEPSPAN_OUTPUT_BIG" > long.txt
`);
    expect(code).toBe(0);
    const text = given('long.txt');
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bound);
    expect(Buffer.byteLength(text)).toBeGreaterThan(bound - 1024);
    const lines = text.split('\n');
    expect([lines[0], lines[1], lines.at(-1)]).toEqual(['FIRST', '1', 'FAILURE at the end']);
    const at = lines.findIndex((line) => line.includes('left out'));
    const marker = /^\[\.\.\. (\d+) bytes \((\d+) lines\) left out; `stepspan output (\S+) big` prints all of it/.exec(
      lines[at] ?? '',
    );
    expect(marker?.[3]).toBe(result.runId);
    // Cut at line ends, so that the numbers on both sides of the marker are whole and so is the count between them.
    const [before, after] = [Number(lines[at - 1]), Number(lines[at + 1])];
    expect(after - before - 1).toBe(Number(marker?.[2]));
    const leftOut = Array.from({ length: after - before - 1 }, (_, index) => `${before + 1 + index}\n`).join('');
    expect(leftOut.length).toBe(Number(marker?.[1]));
    const journal = await rig.journal(result.runId);
    expect(journal.text('system', 'big')).toMatch(/later steps get the first \d+ and the last \d+ of its \d+ bytes/);
    expect(journal.events('step.finished', 'big')[0]?.outputCut).toBe(true);
    expect(journal.text('system', 'use')).toBe('');
  });

  test('reaches the documented bound before anything is cut', async () => {
    const { code } = await rig.runYaml(`
name: bound
steps:
  - {id: fits, run: [node, print.mjs, "'x'.repeat(${bound})"]}
  - {id: over, run: [node, print.mjs, "'x'.repeat(${bound} + 1)"]}
  - id: use
    needs: [fits, over]
    run: |
      printf '%s' "$STEPSPAN_OUTPUT_FITS" > fits.txt
      printf '%s' "$STEPSPAN_OUTPUT_OVER" > over.txt
`);
    expect(code).toBe(0);
    expect(given('fits.txt')).toBe('x'.repeat(bound));
    expect(given('over.txt')).toMatch(/^x+\n\[\.\.\. \d+ bytes \(in one line\) left out.*\]\nx+$/);
  });

  test('of many bytes is cut between characters, and its colours and carriage returns are gone', async () => {
    const { code } = await rig.runYaml(`
name: shapes
steps:
  - {id: wide, run: [node, print.mjs, "'\u00e9\u4e16\u{1f600}'.repeat(20_000)"]}
  - {id: crlf, run: [node, print.mjs, "Array.from({length: 30_000}, (_, i) => '\\x1b[31mline ' + i + '\\x1b[0m').join('\\\\r\\\\n')"]}
  - {id: far, run: [node, print.mjs, "'start\\\\n' + 'middle\\\\n'.repeat(1_000_000) + 'the end'"]}
  - id: use
    needs: [wide, crlf, far]
    run: |
      printf '%s' "$STEPSPAN_OUTPUT_WIDE" > wide.txt
      printf '%s' "$STEPSPAN_OUTPUT_CRLF" > crlf.txt
      printf '%s' "$STEPSPAN_OUTPUT_FAR" > far.txt
`);
    expect(code).toBe(0);
    for (const name of ['wide', 'crlf', 'far']) expect(given(`${name}.txt`)).not.toMatch(/[\ufffd\r\x1b]/);
    expect(given('wide.txt')).toMatch(/^é世.*\n\[.*\]\n.*世😀$/su);
    expect(given('crlf.txt').split('\n').at(0)).toBe('line 0');
    expect(given('crlf.txt').split('\n').at(-1)).toBe('line 29999');
    const far = given('far.txt').split('\n');
    expect([far[0], far[1], far.at(-2), far.at(-1)]).toEqual(['start', 'middle', 'middle', 'the end']);
    const kept = far.filter((line) => line === 'middle').length;
    expect(far.find((line) => line.includes('left out'))).toContain(`(${1_000_000 - kept} lines)`);
  });

  test('is reduced to what a person saw before it is cut, and leaves stderr out', async () => {
    const { code, result } = await rig.runYaml(`
name: bars
steps:
  - {id: bar, run: [node, print.mjs, "Array.from({length: 30_000}, (_, i) => 'step ' + i + '\\\\r').join('') + 'done\\\\x1b[K\\\\nerror: no such file\\\\n'"]}
  - {id: err, run: echo out; seq 1 60000 >&2}
  - {id: use, needs: [bar, err], run: 'printf %s "$STEPSPAN_OUTPUT_BAR|$STEPSPAN_OUTPUT_ERR" > bar.txt'}
`);
    expect(code).toBe(0);
    expect(given('bar.txt')).toBe('done\nerror: no such file|out');
    expect(result.steps.map(({ outputCut }) => outputCut)).toEqual([false, false, false]);
  });

  test('shares the room of all variables fairly, and each that is cut again keeps its end', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const { code, result, stdout } = await rig.runYaml(`
name: many
steps:
${ids.map((id) => `  - {id: ${id}, run: [node, print.mjs, "Array.from({length: 20_000}, (_, i) => '${id}' + i).join('\\\\n')"]}`).join('\n')}
  - {id: small, run: echo small}
  - id: use
    needs: [small, ${ids.join(', ')}]
    run: |
      for n in ${ids.map((id) => id.toUpperCase()).join(' ')}; do
        v=STEPSPAN_OUTPUT_$n
        printf '%s\\n' "\${!v}" | sed -n '1p;$p' >> many.txt
      done
      echo "$STEPSPAN_OUTPUT_SMALL" >> many.txt
`);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(given('many.txt')).toBe(`${ids.map((id) => `${id}0\n${id}19999\n`).join('')}small\n`);
    const journal = await rig.journal(result.runId);
    expect(journal.text('system', 'use')).toMatch(/STEPSPAN_OUTPUT_G holds \d+ of \d+ bytes/);
  });
});

describe('an output that is JSON', () => {
  const json = (items: number) => `JSON.stringify({a: 1, items: Array(${items}).fill('x'.repeat(60)), z: {y: 'last'}})`;

  test('is read before it is cut, with colours, a byte-order mark and CRLF, and after a resume', async () => {
    const { code, result } = await rig.runYaml(
      `
name: json
steps:
  - {id: j, run: [node, print.mjs, "${json(1300)}"]}
  - {id: big, run: [node, print.mjs, "${json(16_000)}"]}
  - {id: marked, run: [node, print.mjs, "'\\ufeff\\x1b[1;39m{\\x1b[0m\\\\r\\\\n \\"a\\": \\x1b[32m1\\x1b[0m}\\\\r\\\\n'"]}
  - {id: use, needs: [j, big, marked], when: steps.j.output.a == 1 && steps.big.output.z.y == 'last' && steps.marked.output.a == 1, run: echo used}
  - {id: once, needs: use, run: test -e again}
  - {id: after, needs: [once, big], when: steps.big.output.z.y == 'last', run: echo resumed}
`,
    );
    expect(code).toBe(1);
    expect(result.steps.find(({ id }) => id === 'use')).toMatchObject({ outcome: 'success' });
    rig.write('again', '');
    const again = await rig.run(['resume', result.runId, '--json']);
    expect(again.code).toBe(0);
    const resumed = JSON.parse(again.stdout.trimEnd().split('\n').at(-1) ?? '') as typeof result;
    expect(resumed.steps.find(({ id }) => id === 'after')).toMatchObject({ outcome: 'success' });
  });

  test('over its bound, or no JSON at all, is named as what it is', async () => {
    const { result } = await rig.runYaml(`
name: not-json
steps:
  - {id: huge, run: [node, print.mjs, "${json(20_000)}"]}
  - {id: text, run: 'echo PASS one; seq 1 30000'}
  - {id: a, needs: huge, when: steps.huge.output.a == 1, run: 'true', continueOnFailure: true}
  - {id: b, needs: text, when: steps.text.output.a == 1, run: 'true', continueOnFailure: true}
`);
    const messageOf = (id: string) => result.steps.find((step) => step.id === id)?.message ?? '';
    expect(messageOf('a')).toMatch(/the output of step `huge` has \d+ bytes; up to 1048576 bytes are read as JSON/);
    expect(messageOf('b')).toMatch(/the output of step `text` is not JSON.*"PASS one/);
  });
});
