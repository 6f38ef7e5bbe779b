// `stepspan run` is killed while its steps print without newlines. What the journal then has is the beginning of what was printed, short
// of it by no more than a pipe holds; a hub adopts the run, and what is shipped of it is the same text.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { adoptRun } from '../../src/hub/index.ts';
import { openJournal, type RunFolder } from '../../src/journal/index.ts';
import { createShipper } from '../../src/readers/ship/shipper.ts';
import { READ_BUFFER_BYTES } from '../../src/run/process/line-splitter.ts';
import { MAX_PIPE_BYTES } from '../../src/run/process/pipe-size.ts';
import { type OtlpServer, startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { isEvent } from '../readers/ship/support/protobuf.ts';
import { readJournal } from '../support/journal.ts';
import { partOf } from './fixtures/unfinished-text.ts';
import { atOnce, within } from './support/at-once.ts';
import { checkRun, readRun } from './support/check-run.ts';
import { countCalls } from './support/count-calls.ts';
import type { Fault } from './support/fault.ts';
import { type KillPoint, killPoints } from './support/kill-points.ts';
import { makeSandbox, type Sandbox } from './support/sandbox.ts';
import { nothing, sum, type Tally } from './support/tally.ts';

const printer = fileURLToPath(new URL('./fixtures/unfinished.mjs', import.meta.url));
/** How often each kind prints: about a second of each, and 4 MB of the stream. */
const counts = { dots: 200, bar: 200, stream: 450 } as const;
type Kind = keyof typeof counts;
const kinds = Object.keys(counts) as readonly Kind[];

/**
 * What a kill may cost: what the pipe of a child that outpaces stepspan holds, and one read that is not written yet while the child
 * has filled the pipe again.
 */
const maxLostBytes = MAX_PIPE_BYTES + READ_BUFFER_BYTES;

const runWithinMs = 300_000;
const sandboxesAtOnce = 2;

const workflow = `name: unfinished
concurrency: 3
steps:
${kinds.map((kind) => `  - {id: ${kind}, run: 'node ${printer} ${kind} ${counts[kind]}'}`).join('\n')}
`;

export const unfinishedLines: Fault = {
  name: 'unfinished lines',
  what: '`stepspan run` gets SIGKILL at its file operations while steps print dots, a bar with `\\r`, and 4 MB without any newline. Here a line is one write of a child; what was in a pipe or being read (1.25 MiB at most) may be missing.',
  async run(context) {
    const calls = await countCalls(['run', 'w.yaml'], workflow);
    // The shipper's thread reads what is in the journal already, so its calls decide nothing here.
    const points = killPoints({ ...calls, worker: 0 }, context, { short: 4, full: 60 });
    context.log(`${calls.main} calls in the main thread, ${points.length} kill points`);
    return sum(await atOnce(sandboxesAtOnce, points, (point) => within(2 * runWithinMs, point.place, killedAt(point))));
  },
};

async function killedAt({ place, options }: KillPoint): Promise<Tally> {
  const sandbox = makeSandbox();
  const server = await startOtlpServer();
  try {
    sandbox.write('w.yaml', workflow);
    const env = { ...options.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
    const cli = sandbox.start(['run', 'w.yaml'], { ...options, env });
    const timer = setTimeout(() => cli.child.kill('SIGKILL'), runWithinMs);
    const { signal } = await cli.ended;
    clearTimeout(timer);
    const [runId] = sandbox.data.listRunIds();
    if (runId === undefined) return { ...nothing, runs: 1 };
    const folder = sandbox.data.runDir(runId);
    if (signal === 'SIGKILL') await adoptRun(folder);
    if ((await openJournal(folder).head()).nextSeq === 0) return { ...nothing, runs: 1 };
    const start = await createShipper({ folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url }, lingerMs: 1 });
    if (start.kind === 'shipping') await start.shipper.done;
    const run = await readRun(folder);
    // A bar is sent as it was seen at its end.
    const lines = run.lines.filter(({ text }) => !text.includes('\r') && text.length < 200_000);
    const shipped = server.logs.filter(({ attributes }) => attributes['stepspan.line.parts'] === undefined);
    const checked = checkRun({ run: { ...run, lines }, seen: [], shipped });
    const printed = await Promise.all(kinds.map((kind) => checkPrinted(sandbox, folder, server, kind)));
    const tally = sum([{ ...checked, lines: 0 }, ...printed]);
    const left = sandbox.processes().map((process) => `still alive: ${process}`);
    return { ...tally, problems: [...tally.problems, ...left].map((problem) => `${place}: ${problem}`) };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** One write of the child is a line here. Missing ones that one pipe may have held are accounted for. */
async function checkPrinted(sandbox: Sandbox, folder: RunFolder, server: OtlpServer, kind: Kind): Promise<Tally> {
  const parts = Array.from({ length: counts[kind] }, (_, index) => partOf(kind, index));
  const all = Buffer.from(parts.join(''));
  const written = writtenBytes(sandbox, kind);
  const kept = await bytesOf(folder, kind);
  const problems: string[] = [];
  if (!all.subarray(0, kept.length).equals(kept))
    problems.push(`${kind}: the journal has other bytes than were printed`);
  const shipped = shippedText(server, kind);
  // A bar is sent as it was seen at its end, so its bytes are compared in the journal only.
  if (kind !== 'bar' && shipped !== kept.toString())
    problems.push(`${kind}: what was shipped is not what the journal has`);
  const missing = Math.max(0, written - kept.length);
  return {
    ...nothing,
    lines: countParts(parts, written),
    missing: countParts(parts, written) - countParts(parts, Math.min(written, kept.length)),
    unaccounted: missing > maxLostBytes ? missing : 0,
    problems,
  };
}

/** Each record once, however often it was sent; a long line is several records of one number. */
function shippedText(server: OtlpServer, kind: Kind): string {
  const texts = new Map<string, string>();
  const ofKind = server.logs
    .filter((log) => !isEvent(log))
    .filter(({ attributes }) => attributes['stepspan.step.id'] === kind && attributes['log.iostream'] === 'stdout')
    .map(({ attributes, body }) => ({
      seq: Number(attributes['stepspan.seq']),
      part: Number(attributes['stepspan.line.part'] ?? 1),
      text: String(body),
    }))
    .sort((a, b) => a.seq - b.seq || a.part - b.part);
  for (const { seq, part, text } of ofKind) texts.set(`${seq} ${part}`, text);
  return [...texts.values()].join('');
}

function countParts(parts: readonly string[], bytes: number): number {
  let end = 0;
  const beyond = parts.findIndex((part) => {
    end += Buffer.byteLength(part);
    return end > bytes;
  });
  return beyond === -1 ? parts.length : beyond;
}

function writtenBytes(sandbox: Sandbox, kind: Kind): number {
  try {
    return Number(readFileSync(path.join(sandbox.work, `${kind}.written`), 'utf8'));
  } catch {
    // Killed before the step came up.
    return 0;
  }
}

async function bytesOf(folder: RunFolder, kind: Kind): Promise<Buffer> {
  return (await readJournal(folder, { onProblem() {} })).bytes('stdout', kind);
}
