// How much processor time the commands take that a person types all day, against a Node that does nothing: how much of the
// program a command loads.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { atMost, type Bench } from './support/bench.ts';
import { basicEnvironment } from './support/measure-step.ts';
import { cpuTimeOf, runProgram } from './support/processes.ts';
import { interleave, median } from './support/statistics.ts';

/** Commands, with the most that each may take as a multiple of `node -e 0`. `exec` does not reach its goal yet: 8.5 to 9 by itself. */
const commands = [
  { name: 'version', args: ['--version'], goal: 2 },
  { name: 'help', args: ['--help'], goal: 2 },
  { name: 'ls', args: ['ls'], goal: 3.5 },
  { name: 'show', args: ['show', 'latest'], goal: 3.5 },
  { name: 'tail', args: ['tail', 'latest'], goal: 3.5 },
  { name: 'search', args: ['search', 'word'], goal: 3.5 },
  { name: 'validate', args: ['validate', 'workflow.yaml'], goal: 6 },
  { name: 'exec', args: ['exec', '-q', '--', 'true'], goal: 8, floor: 12 },
] as const;

export const start: Bench = {
  name: 'start',
  async run({ short, place, say }) {
    const rounds = short ? 7 : 25;
    say(`start: ${commands.length} commands, ${rounds} rounds`);
    const work = place.folder('start');
    writeFileSync(path.join(work, 'workflow.yaml'), 'name: bench\nsteps: [{id: one, run: "echo word"}]\n');
    const setting = { env: { ...basicEnvironment(), STEPSPAN_DATA_DIR: place.folder('data') }, cwd: work };
    const stepspan = (args: readonly string[]) => cpuTimeOf(process.execPath, [place.program, ...args], setting);
    await runProgram(process.execPath, [place.program, 'run', '-q', 'workflow.yaml'], setting);
    // Once each, so that the cache of compiled code is there, as it is from the second time on.
    for (const { args } of commands) await stepspan(args);
    const measured = await interleave<string>(rounds, {
      node: () => cpuTimeOf(process.execPath, ['-e', '0'], setting),
      ...Object.fromEntries(commands.map(({ name, args }) => [name, () => stepspan(args)])),
    });
    const ms = (name: string): number => median(measured[name] ?? []);
    return {
      title: 'Start of commands',
      how:
        'Processor time, user and system, of a process and its children, from the second start on; against `node -e 0` in the same rounds. ' +
        'The folder of runs holds one run of one line, and those that `exec` adds.',
      tables: [
        {
          columns: ['command', 'processor time', 'of `node -e 0`'],
          rows: [
            ['`node -e 0`', `${ms('node').toFixed(0)} ms`, '1.0'],
            ...commands.map(({ name, args }) => [
              `\`stepspan ${args.join(' ')}\``,
              `${ms(name).toFixed(0)} ms`,
              (ms(name) / ms('node')).toFixed(1),
            ]),
          ],
        },
      ],
      ratios: commands.map((command) => ({
        name: `start-${command.name}-to-node`,
        value: ms(command.name) / ms('node'),
        bounds: atMost(command.goal, 'floor' in command ? command.floor : command.goal / 0.8),
      })),
      notes: [
        'Loading the built-in modules of Node that a run needs, and nothing else, takes 1.6 times `node -e 0`; `stepspan exec` loads koffi too (0.4 times).',
      ],
    };
  },
};
