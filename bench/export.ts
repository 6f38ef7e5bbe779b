// What it costs to write a run of a million lines in each format, against the programs that read and convert plain files.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { atMost, type Bench, type Ratio, type Setting } from './support/bench.ts';
import { basicEnvironment } from './support/measure-step.ts';
import { cpuTimeOf, runProgram } from './support/processes.ts';
import { interleave, median } from './support/statistics.ts';

const printPeak = new URL('./programs/print-peak.mjs', import.meta.url).href;

/**
 * `wanted` is in seconds of processor time for a million lines of 100 bytes on a quiet machine. The bounds are ratios to peers in the same
 * rounds, which load changes less; their goals are close to what was measured under load, and do not prove that `wanted` is met.
 */
const formats = [
  { format: 'text', wanted: 0.3, peer: 'zcat', bounds: atMost(1.5, 4) },
  { format: 'ndjson', wanted: 1, peer: 'jq', bounds: atMost(0.5, 1.2) },
  { format: 'csv', wanted: 1, peer: 'jq', bounds: atMost(0.5, 1.2) },
  { format: 'otlp-json', wanted: 3, peer: 'jq', bounds: atMost(1.5, 3.5) },
] as const;
type Format = (typeof formats)[number]['format'];

export const exporting: Bench = {
  name: 'export',
  async run(setting) {
    const lines = setting.short ? 300_000 : 1_000_000;
    const rounds = setting.short ? 2 : 7;
    setting.say(`export: ${lines} lines, ${rounds} rounds`);
    const hasJq = spawnSync('jq', ['--version']).error === undefined;
    const { file } = setting.place.linesFile(100, lines * 100);
    const many = await runOf(setting, lines);
    const few = await runOf(setting, lines / 2);
    const env = basicEnvironment();
    const shell = (command: string) => () => cpuTimeOf('/bin/sh', ['-c', command], { env });
    await runProgram('/bin/sh', ['-c', `gzip -1 < ${file} > ${file}.gz`], { env });
    const exported = (format: Format) => () => cpuTimeOf(process.execPath, many.args(format), { env: many.env });
    // Once, so that the cache of compiled code is there.
    await exported('otlp-json')();
    const measured = await interleave<string>(rounds, {
      cat: shell(`cat ${file}`),
      zcat: shell(`zcat ${file}.gz`),
      jq: hasJq ? shell(`jq -cR '{text: .}' ${file}`) : undefined,
      ...Object.fromEntries(formats.map(({ format }) => [format, exported(format)])),
    });
    const peaks = await interleave<string>(1, {
      ...Object.fromEntries(formats.map(({ format }) => [format, () => peakOf(many, format)])),
      ...Object.fromEntries(formats.map(({ format }) => [`few ${format}`, () => peakOf(few, format)])),
    });
    rmSync(`${file}.gz`);
    const seconds = (name: string): number => (median(measured[name] ?? []) / lines) * 1000;
    const peak = (name: string): number => median(peaks[name] ?? []);
    const row = (title: string, name: string): string[] => [title, `${seconds(name).toFixed(2)} s`, '', ''];
    return {
      title: 'Exporting a run',
      how:
        `Processor time, user and system, of \`stepspan export\` of a run of ${lines.toLocaleString('en')} lines of 100 bytes with its start, for a million of them, written to nobody; ` +
        'beside programs that read the same lines from a plain file. The seconds that are wanted are of a quiet machine. Peak memory (VmHWM) is of the same export, and the ratio compares it with that of half of the lines.',
      tables: [
        {
          columns: ['what', 'a million lines', 'wanted', 'peak memory'],
          rows: [
            row('`cat FILE`', 'cat'),
            row('`zcat FILE.gz`', 'zcat'),
            ...(hasJq ? [row("`jq -cR '{text: .}' FILE`", 'jq')] : []),
            ...formats.map(({ format, wanted }) => [
              `\`stepspan export --format ${format}\``,
              `${seconds(format).toFixed(2)} s`,
              `${wanted} s`,
              `${Math.round(peak(format) / 2 ** 20)} MiB`,
            ]),
          ],
        },
      ],
      ratios: [
        ...formats
          .filter(({ peer }) => hasJq || peer !== 'jq')
          .map(({ format, peer, bounds }) => ({
            name: `export-${format}-to-${peer}`,
            value: seconds(format) / seconds(peer),
            bounds,
          })),
        ...formats.map(
          ({ format }): Ratio => ({
            name: `export-${format}-memory-flat`,
            value: peak(format) / peak(`few ${format}`),
            bounds: atMost(1.3, 1.6),
          }),
        ),
      ],
      notes: hasJq ? [] : ['`jq` is not installed here, so it was left out.'],
    };
  },
};

type Exported = {
  readonly env: Readonly<Record<string, string>>;
  readonly args: (format: Format) => readonly string[];
};

/** A finished run that printed so many lines, in a data folder of its own. */
async function runOf({ place }: Setting, lines: number): Promise<Exported> {
  const { file } = place.linesFile(100, lines * 100);
  const env = { ...basicEnvironment(), STEPSPAN_DATA_DIR: place.folder('data') };
  await runProgram(process.execPath, [place.program, 'exec', '-q', '--no-ship', '--', 'cat', file], { env });
  return { env, args: (format) => [place.program, 'export', 'latest', '--format', format] };
}

async function peakOf(run: Exported, format: Format): Promise<number> {
  const args = ['--import', printPeak, ...run.args(format)];
  const { stderr } = await runProgram(process.execPath, args, { env: run.env, quiet: true });
  return Number(stderr.trim().split('\n').at(-1));
}
