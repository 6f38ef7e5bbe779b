// Runs steps through the built library in a process of their own, and checks that the journal has every byte of them.
import { createReadStream, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import type { Place } from './place.ts';
import { runProgram } from './processes.ts';
import { checkSamples } from './statistics.ts';

export type StepOrder = {
  /** URL of the built library. */
  readonly library: string;
  /** The steps, one after the other. */
  readonly steps: readonly string[];
  readonly dataDir: string;
  readonly redact: boolean;
};

export type MeasuredStep = {
  /** Wall time of each step in milliseconds: from `step.started` to `step.finished` in the journal. */
  readonly stepMs: readonly number[];
  /** Lines of stdout in the journal. */
  readonly lines: number;
  /** CRC-32 of all of stdout in the journal. */
  readonly checksum: number;
  /** Peak of the resident memory of the process in which the run was. */
  readonly maxRssBytes: number;
};

const program = fileURLToPath(new URL('../programs/run-steps.ts', import.meta.url));

export async function measureSteps(
  place: Place,
  steps: readonly string[],
  options: { readonly redact: boolean; readonly env?: Readonly<Record<string, string>> },
): Promise<MeasuredStep> {
  const dataDir = place.folder('data');
  const library = pathToFileURL(place.built('library/index')).href;
  const order: StepOrder = { library, steps, dataDir, redact: options.redact };
  const { stdout } = await runProgram(process.execPath, [program, JSON.stringify(order)], {
    env: { ...basicEnvironment(), ...options.env },
  });
  rmSync(dataDir, { recursive: true });
  const measured = JSON.parse(stdout) as MeasuredStep;
  if (measured.stepMs.length !== steps.length)
    throw new Error(`${measured.stepMs.length} of ${steps.length} steps ended`);
  checkSamples('the time of a step', measured.stepMs);
  return measured;
}

/** The step `cat FILE`. Throws unless the journal holds exactly what the file does. */
export async function measureCapture(
  place: Place,
  prepared: { readonly file: string; readonly lines: number; readonly checksum: number },
  options: { readonly redact: boolean; readonly env?: Readonly<Record<string, string>> },
): Promise<MeasuredStep & { readonly ms: number }> {
  const measured = await measureSteps(place, [`cat ${prepared.file}`], options);
  if (measured.lines !== prepared.lines || measured.checksum !== prepared.checksum) {
    throw new Error(`of ${prepared.lines} lines the journal has ${measured.lines}, or not the same bytes`);
  }
  return { ...measured, ms: measured.stepMs[0] ?? Number.NaN };
}

export async function checksumOf(file: string): Promise<number> {
  let checksum = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }))
    checksum = crc32(chunk as Buffer, checksum);
  return checksum;
}

/** Nothing of the caller's but where programs and temporary files are. */
export function basicEnvironment(): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    PATH: PATH ?? '/usr/bin:/bin',
    HOME: HOME ?? '/',
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
  };
}

/** Twenty variables that are called like secrets and hold random text, as a CI job has. */
export function secretEnvironment(): Record<string, string> {
  const value = (index: number): string =>
    Array.from({ length: 40 }, (_, at) => ((Math.imul(index * 41 + at + 1, 2654435761) >>> 7) % 36).toString(36)).join(
      '',
    );
  return Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`SERVICE_${index}_TOKEN`, value(index)]));
}
