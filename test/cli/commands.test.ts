// The table of commands against the modules that it names.
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addCommands, commandGroups } from '../../src/cli/commands.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { exitCodeMeanings } from '../../src/cli/exit-codes.ts';

/** Registering a command uses none of it but where the program was started. */
const context: Pick<CliContext, 'cwd' | 'env'> = { cwd: '/', env: {} };

const modules = commandGroups.flatMap((group) => group.modules);

test('each module registers the commands that the list names, and no other', async () => {
  for (const { summaries, load } of modules) {
    const program = new Command();
    (await load())(program, context as CliContext);
    expect(program.commands.map((command) => command.name()).sort()).toEqual(Object.keys(summaries).sort());
    for (const command of program.commands) expect(command.description()).not.toBe('');
  }
});

test('the help of each command that starts a run lists the exit status', async () => {
  const program = new Command().exitOverride();
  await addCommands(program, context as CliContext, 'run');
  for (const name of ['run', 'exec', 'resume']) {
    let help = '';
    const command = program.commands.find((known) => known.name() === name);
    command?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    for (const [code, meaning] of Object.entries(exitCodeMeanings))
      expect(help).toContain(`${code.padEnd(4)} ${meaning}`);
  }
});

test('the help says one line of at most 62 characters about each command', () => {
  const summaries = modules.flatMap((module) => Object.entries(module.summaries));
  expect(summaries.filter(([, summary]) => summary.length > 62 || !/^[a-z]/.test(summary))).toEqual([]);
});
