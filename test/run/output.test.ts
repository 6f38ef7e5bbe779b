// Every byte that a step prints is in the journal, as it was printed.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('output', () => {
  test('of any bytes comes back as it was printed, by stream, whatever its line ends and lengths', async () => {
    // Each step keeps a copy of what it prints, which is what the journal is compared with.
    rig.write(
      'print.mjs',
      `import { writeFileSync, writeSync } from 'node:fs';
const [kind, name] = process.argv.slice(2);
const out = [], err = [];
let seed = 7;
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648);
const put = (list, fd, bytes) => {
  list.push(bytes);
  for (let at = 0; at < bytes.length; ) {
    try { at += writeSync(fd, bytes, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
  }
};
if (kind === 'long') put(out, 1, Buffer.concat([Buffer.alloc(5_000_000, 'abcdefghi '), Buffer.from('\\nlast')]));
if (kind === 'many') for (let i = 0; i < 200; i++) {
  put(out, 1, Buffer.from(Array.from({ length: 1000 }, (_, at) => 'line ' + (i * 1000 + at) + '\\n').join('')));
}
if (kind === 'bytes') for (let i = 0; i < 400; i++) {
  const bytes = Buffer.from(Array.from({ length: random() % 300 }, () => random() >> 8));
  if (random() % 2) put(out, 1, bytes); else put(err, 2, bytes);
}
if (kind === 'ends') put(out, 1, Buffer.from('a\\r\\nb\\rc\\n\\n\\n\\0\\n\\x1b[31mred\\x1b[0m \\x1b]52;c;AAAA\\x07\\nno end'));
writeFileSync(name + '.out', Buffer.concat(out));
writeFileSync(name + '.err', Buffer.concat(err));
`,
    );
    const kinds = ['long', 'many', 'bytes', 'ends'];
    const { code, result } = await rig.runYaml(`
name: output
steps:
${kinds.map((kind) => `  - {id: ${kind}, run: [node, print.mjs, ${kind}, ${kind}]}`).join('\n')}
  - {id: silent, run: 'true'}
`);
    expect([code, result.hidden, result.lost]).toEqual([0, 0, 0]);
    const journal = await rig.journal(result.runId);
    for (const kind of kinds) {
      for (const [stream, end] of [
        ['stdout', 'out'],
        ['stderr', 'err'],
      ] as const) {
        const printed = readFileSync(path.join(rig.work, `${kind}.${end}`));
        const kept = journal.bytes(stream, kind);
        expect({ kind, stream, bytes: kept.length, sha: sha(kept) }).toEqual({
          kind,
          stream,
          bytes: printed.length,
          sha: sha(printed),
        });
      }
    }
    const finished = new Map(journal.events('attempt.finished').map(({ subject, lines }) => [subject?.step, lines]));
    expect(finished.get('long')).toEqual({ stdout: 2 });
    expect(finished.get('many')).toEqual({ stdout: 200_000 });
    expect(finished.get('ends')).toEqual({ stdout: 7 });
    expect(finished.get('silent')).toEqual({});

    // Numbers and times only grow, over lines and events alike.
    for (const [at, record] of journal.records.entries()) {
      const before = journal.records[at - 1];
      if (before === undefined) continue;
      const count = before.kind === 'output' ? before.lineCount : 1;
      expect(record.seq).toBe(before.seq + count);
      expect(record.timeNs > before.timeNs).toBe(true);
    }

    const file = path.join(rig.folder, 'export.txt');
    for (const kind of ['ends', 'bytes'] as const) {
      const flags = ['--step', kind, '--stream', 'stdout', '--format', 'text', '--ansi', '-o', file];
      expect((await rig.run(['export', result.runId, ...flags])).code).toBe(0);
      expect(sha(readFileSync(file))).toBe(sha(readFileSync(path.join(rig.work, `${kind}.out`))));
    }
  });

  test('keeps the order in which one process printed to both streams, and passes a closed stdout of the CLI', async () => {
    const file = rig.write(
      'w.yaml',
      'name: w\nsteps:\n  - id: a\n    run: for i in $(seq 300); do echo o$i; sleep 0.001; echo e$i >&2; sleep 0.001; done',
    );
    const cli = rig.start(['run', file]);
    // As `| head -1` does.
    await cli.said('a | o1');
    cli.child.stdout?.destroy();
    const { code } = await cli.done;
    expect(code).toBe(0);
    const [runId] = rig.runIds();
    const journal = await rig.journal(runId ?? '');
    const order = journal.records.flatMap((record) =>
      record.kind === 'output' && record.subject?.step === 'a' ? record.bytes.toString().trimEnd().split('\n') : [],
    );
    expect(order.length).toBe(600);
    expect(order.filter((line) => line.startsWith('o'))).toEqual(Array.from({ length: 300 }, (_, i) => `o${i + 1}`));
    expect(order.indexOf('e1')).toBeLessThan(order.indexOf('o300'));
  });
});
