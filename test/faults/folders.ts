// Data folders that are not as they should be: another user's, read-only, copied from elsewhere, or with a run of a later stepspan in it.
// Each command says what is wrong and what to do, none of them fails as a defect, and what can be read is.
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openJournal } from '../../src/journal/index.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { until } from '../support/until.ts';
import { checkRun, readRun } from './support/check-run.ts';
import type { Fault } from './support/fault.ts';
import { type Ended, makeSandbox, type Sandbox, witness } from './support/sandbox.ts';
import { nothing, sum, type Tally } from './support/tally.ts';

const lines = 100;
const workflow = `name: folder\nsteps:\n  - {id: print, run: "node ${witness} a ${lines} 0 20 both"}\n`;

/** `nobody` on Debian. Only root can start stepspan as another user than the owner of the folder. */
const nobody = 65_534;

export const folders: Fault = {
  name: 'data folder is not ours',
  what: "The data folder is another user's, read-only, copied from elsewhere, or holds a run of a later format.",
  run: async ({ log }) => {
    const tallies = [await copied(), await newerFormat()];
    if (await isOpenToOthers()) tallies.push(await unusable('foreign'), await unusable('read-only'));
    else log("not as root, or in a clone that only root can read: another user's folders are left out");
    return sum(tallies);
  },
};

async function isOpenToOthers(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const sandbox = makeSandbox();
  try {
    for (const folder of [sandbox.folder, sandbox.work]) chmodSync(folder, 0o755);
    return (await sandbox.start(['--version'], { uid: nobody }).ended).code === 0;
  } finally {
    await sandbox.remove();
  }
}

/** A folder that stepspan cannot write in, or not even read. */
async function unusable(kind: 'foreign' | 'read-only'): Promise<Tally> {
  const sandbox = makeSandbox();
  try {
    sandbox.write('w.yaml', workflow);
    for (const folder of [sandbox.folder, sandbox.work]) chmodSync(folder, 0o755);
    mkdirSync(sandbox.data.root, { mode: 0o700 });
    if (kind === 'read-only') {
      chownSync(sandbox.data.root, nobody, nobody);
      chmodSync(sandbox.data.root, 0o500);
    }
    const commands = [
      ['run', 'w.yaml'],
      ['serve', '--port', '0'],
      ['ls'],
      ['show', 'latest'],
      ['link'],
      ['pause', 'latest'],
    ];
    const problems: string[] = [];
    for (const args of commands) {
      const { code, signal, output } = await sandbox.start(args, { uid: nobody }).ended;
      const isExplained = /EACCES|No runs|no run|no hub|No hub/i.test(output);
      const isRight = signal === null && code !== 70 && isExplained && !/defect|node:internal/.test(output);
      if (!isRight) problems.push(`${kind}: ${args.join(' ')}: exit ${code ?? signal}: ${output.slice(-300)}`);
    }
    return { ...nothing, runs: commands.length, problems };
  } finally {
    await sandbox.remove();
  }
}

/** A run's folder that was copied from another machine is read and shipped like any other. */
async function copied(): Promise<Tally> {
  const [from, to] = [makeSandbox(), makeSandbox()];
  const server = await startOtlpServer();
  try {
    from.write('w.yaml', workflow);
    await from.start(['run', 'w.yaml', '--no-ship']).ended;
    cpSync(from.data.runsDir, to.data.runsDir, { recursive: true });
    const [runId] = to.data.listRunIds();
    const { code, output } = await to.start(['ship', 'latest'], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url } })
      .ended;
    const tally = checkRun({ run: await readRun(to.data.runDir(runId!)), seen: [], shipped: server.logs });
    return {
      ...tally,
      problems: [...tally.problems, ...(code === 0 ? [] : [`copied: exit ${code}: ${output.slice(-300)}`])],
    };
  } finally {
    await server.close();
    await Promise.all([from.remove(), to.remove()]);
  }
}

/** A run of a later major format is left alone, with a message, and the others beside it are not kept from anybody. */
async function newerFormat(): Promise<Tally> {
  const sandbox = makeSandbox();
  const server = await startOtlpServer();
  try {
    sandbox.write('w.yaml', workflow);
    for (let run = 0; run < 2; run++) await sandbox.start(['run', 'w.yaml', '--no-ship']).ended;
    const [newer, older] = sandbox.data.listRunIds();
    const before = makeNewer(sandbox, newer!);
    const problems: string[] = [];
    const expectOutput = ({ code, output }: Ended, wanted: RegExp, what: string): void => {
      if (code === 70 || !wanted.test(output))
        problems.push(`newer format: ${what}: exit ${code}: ${output.slice(-300)}`);
    };
    const tooNew = /journal format 99\.\d+; this stepspan reads up to/;
    expectOutput(await sandbox.start(['tail', newer!, '--from', '0', '--no-follow']).ended, tooNew, 'tail');
    expectOutput(await sandbox.start(['export', newer!]).ended, tooNew, 'export');
    expectOutput(await sandbox.start(['resume', newer!]).ended, tooNew, 'resume');
    expectOutput(await sandbox.start(['ls']).ended, new RegExp(older!), 'ls');
    const hub = sandbox.start(['serve', '--port', '0', '--no-page'], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: server.url },
    });
    const wanted = (await readRun(sandbox.data.runDir(older!))).lines.length;
    // What has not come by then is missing in the tally.
    await until(() => server.logs.length >= wanted, { withinMs: 300_000, everyMs: 50 }).catch(() => undefined);
    hub.child.kill('SIGTERM');
    expectOutput(await hub.ended, tooNew, 'serve');
    const tally = checkRun({ run: await readRun(sandbox.data.runDir(older!)), seen: [], shipped: server.logs });
    if (!before.equals(readFileSync(segmentOf(sandbox, newer!))))
      problems.push('newer format: its segment was changed');
    return { ...tally, problems: [...tally.problems, ...problems] };
  } finally {
    await server.close();
    await sandbox.remove();
  }
}

/** Sets the version of the first segment to 99, and removes what an older stepspan would not have made. */
function makeNewer(sandbox: Sandbox, runId: string): Buffer {
  const folder = sandbox.data.runDir(runId as never);
  const segment = segmentOf(sandbox, runId);
  const bytes = readFileSync(segment);
  bytes.writeUInt16LE(99, 8);
  writeFileSync(segment, bytes);
  rmSync(path.join(folder.dir, 'summary.json'), { force: true });
  return bytes;
}

function segmentOf(sandbox: Sandbox, runId: string): string {
  const { journalDir } = openJournal(sandbox.data.runDir(runId as never)).folder;
  return path.join(journalDir, readdirSync(journalDir).find((name) => name.endsWith('.seg'))!);
}
