// Lines of a child through a step into the journal, against `cat | tee` and `s6-log` on the same disk.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { type Bench, notYet, type Ratio, type Setting } from './support/bench.ts';
import { basicEnvironment, checksumOf, measureCapture, secretEnvironment } from './support/measure-step.ts';
import { timeShell } from './support/processes.ts';
import { interleave, median, medianRatio } from './support/statistics.ts';

type Size = { readonly title: string; readonly lineBytes: number };

const sizes: readonly Size[] = [
  { title: '100 bytes', lineBytes: 100 },
  { title: '40 bytes', lineBytes: 40 },
  { title: '2 KB', lineBytes: 2048 },
  { title: '1 MB', lineBytes: 1 << 20 },
];

/** Of the headline; the sizes beside it take a third. */
const fullBytes = 1e9;
const shortBytes = 1.5e8;

export const capture: Bench = {
  name: 'capture',
  async run(setting) {
    const hasS6 = spawnSync('s6-log', ['1'], { input: '' }).error === undefined;
    const rows: string[][] = [];
    const ratios: Ratio[] = [];
    // The sizes beside the headline have no bound.
    for (const { title, lineBytes } of setting.short ? sizes.filter((size) => size.lineBytes === 100) : sizes) {
      const isHeadline = lineBytes === 100;
      const bytes = (setting.short ? shortBytes : fullBytes) / (isHeadline ? 1 : 3);
      const rounds = isHeadline ? (setting.short ? 3 : 7) : setting.short ? 1 : 3;
      setting.say(`capture: lines of ${title}, ${Math.round(bytes / 1e6)} MB, ${rounds} rounds`);
      const samples = await measureSize(setting, { lineBytes, bytes, rounds, hasS6 });
      const rate = (ms: readonly number[]): string =>
        ms.length === 0 ? '' : `${Math.round(bytes / 1e3 / median(ms))} MB/s`;
      const off = medianRatio(samples.tee, samples.off);
      const on = medianRatio(samples.tee, samples.on);
      rows.push([
        title,
        rate(samples.tee),
        rate(samples.s6),
        rate(samples.off),
        rate(samples.on),
        fixed(off),
        fixed(on),
      ]);
      if (isHeadline) {
        ratios.push({
          name: 'capture-redaction-off',
          value: off,
          bounds: notYet('at least', { goal: 1, reached: 0.45 }),
        });
        ratios.push({
          name: 'capture-redaction-on',
          value: on,
          bounds: notYet('at least', { goal: 0.6, reached: 0.3 }),
        });
        if (hasS6)
          ratios.push({ name: 'capture-redaction-off-to-s6-log', value: medianRatio(samples.s6, samples.off) });
      }
      rmSync(setting.place.linesFile(lineBytes, bytes).file);
    }
    return {
      title: 'Capture and journal',
      how:
        'A step `cat FILE` prints a prepared file that is in the page cache; stepspan reads it, hides secrets, numbers, ' +
        'stamps and checksums the lines and appends them to the journal, with its defaults (fdatasync every 100 ms, closed ' +
        'segments compressed once the run is quiet), shipping off. Timed from `step.started` to `step.finished` in the journal, so with the start ' +
        'of the child and the look for processes it left, without the start of Node. The peer is `cat FILE | tee COPY > /dev/null` from spawn to exit, on the ' +
        'same disk, in the same rounds. Redaction on: twenty secret-looking variables in the environment and all formats. After each run the whole journal is ' +
        'read back and must hold exactly the bytes and lines of the file.',
      tables: [
        {
          columns: ['lines of', 'cat, tee', 's6-log', 'redaction off', 'redaction on', 'off / tee', 'on / tee'],
          rows,
        },
      ],
      ratios,
      notes: hasS6 ? [] : ['`s6-log` is not installed here (Debian package `s6`), so it was left out.'],
    };
  },
};

type SizeOrder = {
  readonly lineBytes: number;
  readonly bytes: number;
  readonly rounds: number;
  readonly hasS6: boolean;
};

async function measureSize({ place }: Setting, { lineBytes, bytes, rounds, hasS6 }: SizeOrder) {
  const made = place.linesFile(lineBytes, bytes);
  const prepared = { ...made, checksum: await checksumOf(made.file) };
  const env = basicEnvironment();
  const { file } = prepared;
  const copy = path.join(place.root, 'copy');
  const logs = path.join(place.root, 's6');
  // `t` stamps each line, as the journal does; n and s keep everything, in files of 256 MB.
  const s6 = (): Promise<number> =>
    timeShell(`cat ${file} | s6-log -b t n100 s268435455 ${logs}`, env).finally(() =>
      rmSync(logs, { recursive: true }),
    );
  return interleave(rounds, {
    tee: () => timeShell(`cat ${file} | tee ${copy} > /dev/null`, env).finally(() => rmSync(copy)),
    off: async () => (await measureCapture(place, prepared, { redact: false })).ms,
    on: async () => (await measureCapture(place, prepared, { redact: true, env: secretEnvironment() })).ms,
    s6: hasS6 ? s6 : undefined,
  });
}

function fixed(value: number): string {
  return value.toFixed(2);
}
