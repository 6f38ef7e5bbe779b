// How much memory a run takes, by how many lines were printed: it must not grow with them.
import { atMost, type Bench, type Setting } from './support/bench.ts';
import { checksumOf, measureCapture, secretEnvironment } from './support/measure-step.ts';
import { interleave, median } from './support/statistics.ts';

export const memory: Bench = {
  name: 'memory',
  async run(setting) {
    const [few, many, most] = setting.short ? [1e4, 2e5, 1e6] : [1e4, 1e6, 1e7];
    const rounds = setting.short ? 1 : 3;
    setting.say(`memory: ${few}, ${many} and ${most} lines, ${rounds} rounds`);
    const peaks = await interleave(rounds, {
      few: () => peakOf(setting, few),
      many: () => peakOf(setting, many),
      most: () => peakOf(setting, most),
    });
    const row = (lines: number, bytes: readonly number[]): string[] => [
      lines.toLocaleString('en'),
      `${Math.round(median(bytes) / 2 ** 20)} MiB`,
    ];
    return {
      title: 'Memory of a run',
      how:
        'Peak of the resident memory (VmHWM) of a process that runs one step by the library: lines of 100 bytes, redaction on, up to the result of ' +
        'the run, for which its journal is read once. Node itself takes about 45 MiB of it.',
      tables: [
        { columns: ['lines', 'peak'], rows: [row(few, peaks.few), row(many, peaks.many), row(most, peaks.most)] },
      ],
      ratios: [{ name: 'memory-flat', value: median(peaks.most) / median(peaks.many), bounds: atMost(1.3, 1.3) }],
      notes: [],
    };
  },
};

async function peakOf({ place }: Setting, lines: number): Promise<number> {
  const { file } = place.linesFile(100, lines * 100);
  const prepared = { file, lines, checksum: await checksumOf(file) };
  return (await measureCapture(place, prepared, { redact: true, env: secretEnvironment() })).maxRssBytes;
}
