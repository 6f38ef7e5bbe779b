// What a step costs by itself, in a run of few and of many: processor time of `true` in a chain, where each step comes after all
// before it and has their outputs in its environment.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { atMost, type Bench } from './support/bench.ts';
import { basicEnvironment } from './support/measure-step.ts';
import { cpuTimeOf } from './support/processes.ts';
import { interleave, median } from './support/statistics.ts';

const lengths = { none: 1, few: 21, many: 500 } as const;

/** Of other programs on the machine, which a step does not have to look at. */
const OTHER_PROCESSES = 500;

export const steps: Bench = {
  name: 'steps',
  async run({ short, place, say }) {
    const rounds = short ? 1 : 9;
    say(`steps: chains of ${Object.values(lengths).join(', ')}, ${rounds} rounds`);
    const work = place.folder('steps');
    const setting = { env: { ...basicEnvironment(), STEPSPAN_DATA_DIR: place.folder('data') }, cwd: work };
    for (const length of Object.values(lengths)) writeFileSync(path.join(work, `${length}.yaml`), chainOf(length));
    const run = (length: number) =>
      cpuTimeOf(process.execPath, [place.program, 'run', '-q', '--no-ship', `${length}.yaml`], setting);
    const shells = 'i=0; while [ $i -lt 100 ]; do bash -eo pipefail -c true; i=$((i + 1)); done';
    await run(lengths.none);
    const measured = await interleave(rounds, {
      bare: () => cpuTimeOf('/bin/sh', ['-c', shells], setting),
      none: () => run(lengths.none),
      few: () => run(lengths.few),
      many: () => run(lengths.many),
      crowded: () => amongOthers(() => run(lengths.few)),
    });
    const start = median(measured.none);
    const bare = median(measured.bare) / 100;
    const few = (median(measured.few) - start) / (lengths.few - lengths.none);
    const many = (median(measured.many) - start) / (lengths.many - lengths.none);
    const crowded = (median(measured.crowded) - start) / (lengths.few - lengths.none);
    const row = (title: string, ms: number): string[] => [title, `${ms.toFixed(1)} ms`, `${(ms - bare).toFixed(1)} ms`];
    return {
      title: 'A step by itself',
      how:
        'Processor time, user and system, of a run of `true` after `true` and its children, less that of a run of one step, divided by the steps. ' +
        `Beside other processes: ${OTHER_PROCESSES} that sleep. The bare command is the shell that a step starts.`,
      tables: [
        {
          columns: ['what', 'processor time', 'more than the bare command'],
          rows: [
            row('`bash -eo pipefail -c true`', bare),
            row('a step in a chain of 21', few),
            row('a step in a chain of 500', many),
            row(`a step in a chain of 21, beside ${OTHER_PROCESSES} processes`, crowded),
          ],
        },
      ],
      ratios: [
        { name: 'step-to-bare-command', value: few / bare },
        { name: 'step-of-500-to-step-of-21', value: many / few, bounds: atMost(1.5, 2.5) },
        { name: 'step-beside-processes', value: crowded / few, bounds: atMost(1.1, 2.5) },
      ],
      notes: [],
    };
  },
};

function chainOf(length: number): string {
  const steps = Array.from({ length }, (_, index) => {
    const needs = index === 0 ? '' : `needs: s${index - 1}, `;
    return `  - {id: s${index}, ${needs}run: "true"}`;
  });
  return `name: chain\nsteps:\n${steps.join('\n')}\n`;
}

async function amongOthers(measure: () => Promise<number>): Promise<number> {
  const others = Array.from({ length: OTHER_PROCESSES }, () => spawn('sleep', ['600'], { stdio: 'ignore' }));
  try {
    return await measure();
  } finally {
    await Promise.all(
      others.map((other) => {
        const ended = new Promise((resolve) => other.once('exit', resolve));
        other.kill('SIGKILL');
        return ended;
      }),
    );
  }
}
