// Fills a data folder with many runs in seconds: a few real ones, copied under new ids and times. Every journal is one that the
// program could have written: frames of its own checksums, archived by the archiver.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { newRunId, type RunId, traceIdOf } from '../../src/core/ids.ts';
import { makeRunFolder } from '../../src/data/data-folder.ts';
import { encodeSegmentHeader, frameSeed, parseSegmentHeader, segmentHeaderBytes } from '../../src/journal/format.ts';
import { encodeFrameHead, type Frame, framesIn } from '../../src/journal/frame.ts';
import { archiveSealed, type DataFolder, dataFolder } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { basicEnvironment } from './measure-step.ts';
import type { Place } from './place.ts';
import { runProgram } from './processes.ts';

export type ManyRuns = {
  readonly count: number;
  /** `dead`: their stepspan was killed before their end. */
  readonly kind: 'archived' | 'raw' | 'dead';
  /** The newest started so long ago, the oldest so many milliseconds earlier. */
  readonly newestAgoMs: number;
  readonly overMs: number;
  /** A folder that gets each journal in gzip too, for programs that read that. */
  readonly gzipTo?: string | undefined;
};

/** A word that is in every copy only once, and different in each. */
const wordOf = (index: number): string => `zq${(Math.imul(index + 1, 2654435761) >>> 0).toString(16).padStart(8, '0')}`;
const placeholder = 'zq@@@@@@@@';

type Template = {
  readonly runId: RunId;
  readonly startedMs: number;
  readonly frames: readonly Frame[];
  readonly summary: string;
  readonly weight: number;
};

export type RunMaker = {
  /** Adds runs to a data folder. @returns their ids, oldest first */
  readonly make: (dataDir: string, runs: ManyRuns) => Promise<readonly RunId[]>;
};

/** Runs that print so many lines, and how many of a hundred are like it: 35 KB on average, most of them small. */
const kinds = [
  { name: 'lint', lines: [20, 30], weight: 45, ends: 'true' },
  { name: 'nightly', lines: [150, 80, 20], weight: 30, ends: 'true' },
  { name: 'review', lines: [60, 200], weight: 15, ends: 'echo "ERROR: 2 tests failed" >&2; exit 1' },
  { name: 'migrate', lines: [900, 900], weight: 10, ends: 'true' },
] as const;

export async function createRunMaker(place: Place): Promise<RunMaker> {
  const work = place.folder('templates');
  const { file } = place.linesFile(100, 400_000);
  const templates: Template[] = [];
  for (const kind of kinds) templates.push(await templateOf(place, work, file, kind));
  return {
    async make(dataDir, { count, kind, newestAgoMs, overMs, gzipTo }) {
      const data = dataFolder(dataDir);
      mkdirSync(data.runsDir, { recursive: true });
      const oldest = Date.now() - newestAgoMs - overMs;
      const runIds: RunId[] = [];
      for (let index = 0; index < count; index++) {
        const startedMs = Math.round(oldest + (overMs * index) / Math.max(1, count - 1));
        runIds.push(await copyRun(data, pick(templates, index), { index, startedMs, kind, gzipTo }));
      }
      return runIds.sort();
    },
  };
}

async function templateOf(
  place: Place,
  work: string,
  lines: string,
  { name, lines: counts, weight, ends }: (typeof kinds)[number],
): Promise<Template> {
  const steps = counts.map((count, at) => `  - {id: s${at}, run: "sed -n '${at * 997 + 1},+${count - 1}p' ${lines}"}`);
  const last = `  - id: last\n    needs: [s${counts.length - 1}]\n    run: |\n      echo deployed ${placeholder} to staging\n      ${ends}`;
  const file = path.join(work, `${name}.yaml`);
  writeFileSync(file, `name: ${name}\nsteps:\n${steps.join('\n')}\n${last}\n`);
  const dataDir = place.folder(`template-${name}`);
  const env = { ...basicEnvironment(), STEPSPAN_DATA_DIR: dataDir, STEPSPAN_ARCHIVE: 'off' };
  const args = [place.program, 'run', '-q', '--no-ship', file];
  await runProgram(process.execPath, args, { env }).catch((error: unknown) => {
    // It ends with 1, as the last step of one of them fails.
    if (!String(error).includes('ended with 1')) throw error;
  });
  const data = dataFolder(dataDir);
  const [runId] = data.listRunIds();
  if (runId === undefined) throw new Error(`${name} has left no run`);
  const folder = data.runDir(runId);
  const [segment] = listSegments(folder.journalDir);
  if (segment?.form !== 'raw') throw new Error(`the journal of ${name} is not one raw segment`);
  const bytes = readFileSync(segment.path);
  const parsed = parseSegmentHeader(bytes);
  if (parsed.kind !== 'header') throw new Error(`the journal of ${name} has no header`);
  const frames = [...framesIn(bytes, parsed.header.headerBytes, frameSeed(parsed.header))];
  const startedMs = Number((frames[0]?.timeNs ?? 0n) / 1_000_000n);
  return { runId, startedMs, frames, summary: readFileSync(folder.summaryFile, 'utf8'), weight };
}

/** By their weights, evenly mixed. */
function pick(templates: readonly Template[], index: number): Template {
  let left = (index * 37) % 100;
  for (const template of templates) {
    left -= template.weight;
    if (left < 0) return template;
  }
  throw new Error('the weights are less than 100');
}

type Copy = Pick<ManyRuns, 'kind' | 'gzipTo'> & { readonly index: number; readonly startedMs: number };

async function copyRun(data: DataFolder, template: Template, copy: Copy): Promise<RunId> {
  const { index, startedMs, kind, gzipTo } = copy;
  const runId = newRunId(new Date(startedMs));
  const folder = data.runDir(runId);
  makeRunFolder(folder);
  const shiftNs = BigInt(startedMs - template.startedMs) * 1_000_000n;
  const rename = (text: string): string =>
    text
      .replaceAll(template.runId, runId)
      .replaceAll(traceIdOf(template.runId), traceIdOf(runId))
      .replaceAll(placeholder, wordOf(index));
  const seed = frameSeed({ runId, firstSeq: 0 });
  const frames = kind === 'dead' ? template.frames.slice(0, -1) : template.frames;
  const parts: Buffer[] = [encodeSegmentHeader(runId, 0, (frames[0]?.timeNs ?? 0n) + shiftNs)];
  for (const frame of frames) {
    if (frame.kind === 'unknown') throw new Error('a template has a frame of an unknown kind');
    const isSame = frame.kind === 'output' && !frame.payload.includes(placeholder);
    const payload = isSame ? frame.payload : Buffer.from(rename(frame.payload.toString('latin1')), 'latin1');
    parts.push(encodeFrameHead({ ...frame, kind: frame.kind, timeNs: frame.timeNs + shiftNs }, payload, seed), payload);
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length < segmentHeaderBytes) throw new Error('a template is empty');
  writeFileSync(path.join(folder.journalDir, `${'0'.repeat(20)}.seg`), bytes, { mode: 0o600 });
  if (gzipTo !== undefined) writeFileSync(path.join(gzipTo, `${runId}.gz`), gzipSync(bytes, { level: 1 }));
  if (kind === 'dead') return runId;
  const shifted = template.summary.replace(
    /\{"ns":"(\d+)"\}/g,
    (_all, ns: string) => `{"ns":"${BigInt(ns) + shiftNs}"}`,
  );
  writeFileSync(folder.summaryFile, rename(shifted), { mode: 0o600 });
  if (kind === 'archived') await archiveSealed(folder);
  return runId;
}
