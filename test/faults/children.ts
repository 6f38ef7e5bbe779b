// Children that behave badly. What they print, whatever it is, is in the journal byte by byte, and nothing of them is alive at the end.
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { RunFolder } from '../../src/journal/index.ts';
import { readRun } from './support/check-run.ts';
import { compareBytes } from './support/compare-bytes.ts';
import type { Fault, FaultContext } from './support/fault.ts';
import type { Random } from './support/random.ts';
import { makeSandbox, witness } from './support/sandbox.ts';
import { isKept, nothing, sum, type Tally } from './support/tally.ts';
import { judge } from './support/witness.ts';

type Child = {
  readonly name: string;
  /** Shell; `OUT` is a file with the bytes to print, `WITNESS` the witness with its first arguments. */
  readonly shell: string;
  readonly keys?: string;
  /** What to print; without it the witness's lines are judged. */
  readonly bytes?: (file: string, random: Random) => Promise<void> | void;
  /** The exit code of stepspan, see docs/cli.md. */
  readonly exit: number;
  /** Too slow or too large for CI. */
  readonly isLarge?: boolean;
};

const megabyte = 1 << 20;
const witnessLines = 500;

const children: readonly Child[] = [
  {
    name: 'ignores SIGTERM',
    shell: "trap '' TERM; $WITNESS; while :; do sleep 0.1; done",
    keys: 'timeout: 2s',
    exit: 1,
  },
  { name: 'leaves a process in a session of its own', shell: '$WITNESS; setsid sleep 300 & sleep 0.2', exit: 0 },
  {
    name: 'leaves a process with an empty environment in a session of its own',
    shell: '$WITNESS; setsid env -i sleep 300 & sleep 0.2',
    exit: 0,
  },
  { name: 'closes its output and lives on', shell: '$WITNESS; exec >&- 2>&-; sleep 1', exit: 0 },
  { name: 'dies by a signal', shell: '$WITNESS; kill -SEGV $$', exit: 3 },
  { name: 'has its working folder removed', shell: '$WITNESS; rm -rf "$PWD"; $WITNESS2', keys: 'cwd: gone', exit: 0 },
  {
    name: 'prints no line end for 8 MB',
    shell: 'cat "$OUT"',
    bytes: (file) => writeFileSync(file, 'x'.repeat(8 * megabyte)),
    exit: 0,
  },
  {
    name: 'prints random bytes with NUL and invalid UTF-8',
    shell: 'cat "$OUT"',
    bytes: (file, random) =>
      writeFileSync(file, Buffer.from(Array.from({ length: megabyte }, () => random.between(0, 255)))),
    exit: 0,
  },
  {
    name: 'prints half a character at the edge of each read',
    shell: 'while IFS= read -r -n1 -d "" byte || [ -n "$byte" ]; do printf %s "$byte"; done < "$OUT"',
    bytes: (file) => writeFileSync(file, 'häßlich 🙂 日本語\n'.repeat(200)),
    exit: 0,
  },
  {
    name: 'prints one line of 100 MB',
    shell: 'cat "$OUT"',
    bytes: (file) => fill(file, 100, () => 'y'.repeat(megabyte)),
    exit: 0,
    isLarge: true,
  },
  {
    name: 'prints 1 GB',
    shell: 'cat "$OUT"',
    bytes: (file) => fill(file, 1024, (block) => `${String(block).padEnd(127, '.')}\n`.repeat(megabyte / 128)),
    exit: 0,
    isLarge: true,
  },
];

export const misbehavingChildren: Fault = {
  name: 'children misbehave',
  what: 'Children ignore SIGTERM, leave the session, close their output, die, lose their folder, print 1 GB, 100 MB in a line, NUL, invalid UTF-8.',
  async run({ random, scale, log }: FaultContext) {
    const tallies: Tally[] = [];
    for (const child of children) {
      if (child.isLarge && scale === 'short') continue;
      const tally = await runChild(child, random);
      if (!isKept(tally)) log(`${child.name}: broken`);
      tallies.push(tally);
    }
    return sum(tallies);
  },
};

async function runChild(child: Child, random: Random): Promise<Tally> {
  const sandbox = makeSandbox();
  try {
    const out = path.join(sandbox.folder, 'out');
    await child.bytes?.(out, random);
    const env = {
      OUT: out,
      WITNESS: `node ${witness} a ${witnessLines} 0 20 both`,
      WITNESS2: `node ${witness} b ${witnessLines} 0 20 both`,
    };
    const step = [
      `    shell: [bash, -c]`,
      `    run: |`,
      `      ${child.shell}`,
      ...(child.keys ? [`    ${child.keys}`] : []),
    ];
    sandbox.write(
      'w.yaml',
      `name: bad\nsteps:\n  - id: prepare\n    run: mkdir -p gone\n  - id: bad\n    needs: [prepare]\n${step.join('\n')}\n`,
    );
    const { code, signal, output } = await sandbox.start(['run', 'w.yaml', '--no-ship', '--json'], { env }).ended;
    const problems: string[] = [];
    if (code !== child.exit) problems.push(`exit ${code ?? signal} instead of ${child.exit}: ${output.slice(-400)}`);
    problems.push(...sandbox.processes().map((process) => `still alive: ${process}`));
    const [runId] = sandbox.data.listRunIds();
    if (runId === undefined) return { ...nothing, runs: 1, problems: [`${child.name}: no run: ${output}`] };
    const folder = sandbox.data.runDir(runId);
    const counted = await (child.bytes ? compareBytes(folder, out, 'bad', 'stdout') : compareLines(folder, child));
    return { ...counted, problems: [...counted.problems, ...problems].map((problem) => `${child.name}: ${problem}`) };
  } finally {
    await sandbox.remove();
  }
}

async function compareLines(folder: RunFolder, child: Child): Promise<Tally> {
  const run = await readRun(folder);
  const said = judge(run.lines);
  const printed = witnessLines * (child.shell.includes('WITNESS2') ? 2 : 1);
  const problems = [...run.problems];
  if (said.damaged + said.disordered > 0) problems.push(JSON.stringify(said));
  const missing = printed - said.distinct;
  return { runs: 1, lines: printed, missing, duplicated: said.duplicated, unaccounted: missing - run.lost, problems };
}

async function fill(file: string, blocks: number, block: (index: number) => string): Promise<void> {
  const handle = await open(file, 'w');
  for (let index = 0; index < blocks; index++) await handle.write(block(index));
  await handle.close();
}
