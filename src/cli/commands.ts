// Every command of the program: what the list of commands says of it, and the module that it is made of. A module is loaded only
// for the command that was asked for, as most of the time of a short command would go into loading the others.
import type { Command } from 'commander';
import type { CliContext } from './context.ts';

type Register = (program: Command, context: CliContext) => void;

type CommandModule = {
  /** The commands that the module registers, with one line about each. */
  readonly summaries: Readonly<Record<string, string>>;
  readonly load: () => Promise<Register>;
};

type CommandGroup = { readonly heading: string; readonly modules: readonly CommandModule[] };

/** In the order of the help. */
export const commandGroups: readonly CommandGroup[] = [
  {
    heading: 'Run',
    modules: [
      {
        summaries: {
          run: 'run a workflow and show it while it runs',
          exec: 'run one command as a workflow of one step',
          resume: 'continue a run from the first step that did not succeed',
        },
        load: async () => (await import('./run.ts')).registerRun,
      },
      {
        summaries: { validate: 'check workflow files; starts nothing', init: 'write a first workflow to start from' },
        load: async () => (await import('./validate.ts')).registerValidate,
      },
    ],
  },
  {
    heading: 'Look at runs',
    modules: [
      {
        summaries: { ls: 'list runs, newest first' },
        load: async () => (await import('./ls.ts')).registerLs,
      },
      {
        summaries: { show: 'show the steps, the cost and the failures of a run' },
        load: async () => (await import('./show.ts')).registerShow,
      },
      {
        summaries: { costs: 'add up what runs cost, by workflow, step or model' },
        load: async () => (await import('./costs.ts')).registerCosts,
      },
      {
        summaries: { output: 'print the result of a step' },
        load: async () => (await import('./step-output.ts')).registerStepOutput,
      },
      {
        summaries: { tail: 'follow the output of a run until it ends' },
        load: async () => (await import('./tail.ts')).registerTail,
      },
      {
        summaries: { export: 'write a run as text, ndjson, CSV or OTLP/JSON' },
        load: async () => (await import('./export.ts')).registerExport,
      },
      {
        summaries: { search: 'search the output of all runs' },
        load: async () => (await import('./search.ts')).registerSearch,
      },
    ],
  },
  {
    heading: 'Steer a run',
    modules: [
      {
        summaries: {
          pause: 'hold a run before its next step, or freeze it at once',
          continue: 'continue a paused run',
          cancel: 'end a run and everything that it started',
        },
        load: async () => (await import('./steer.ts')).registerSteer,
      },
      {
        summaries: { answer: 'show what Claude Code asks, and answer it' },
        load: async () => (await import('./answer.ts')).registerAnswer,
      },
      {
        summaries: { tell: 'send a message to Claude Code in a step that runs' },
        load: async () => (await import('./tell.ts')).registerMessage,
      },
      {
        summaries: { interrupt: 'end the turn of Claude Code in a step, and ask how to continue' },
        load: async () => (await import('./interrupt.ts')).registerInterrupt,
      },
    ],
  },
  {
    heading: 'Serve and keep',
    modules: [
      {
        summaries: { serve: 'serve the live page, metrics and the API for all runs' },
        load: async () => (await import('./serve.ts')).registerServe,
      },
      {
        summaries: { link: 'print a link that signs a browser in to the live page' },
        load: async () => (await import('./link.ts')).registerLink,
      },
      {
        summaries: { alerts: 'show what fires and which rules apply; send a test' },
        load: async () => (await import('./alerts.ts')).registerAlerts,
      },
      {
        summaries: { ship: 'send what a run still has to send over OTLP' },
        load: async () => (await import('./ship.ts')).registerShip,
      },
      {
        summaries: { archive: 'put what is left of a run into the archive, or check it there' },
        load: async () => (await import('./archive.ts')).registerArchive,
      },
      {
        summaries: { bundle: 'write a run as one file to keep or to send' },
        load: async () => (await import('./bundle.ts')).registerBundle,
      },
      {
        summaries: { prune: 'remove old runs' },
        load: async () => (await import('./prune.ts')).registerPrune,
      },
      {
        summaries: { doctor: 'check this machine, Claude Code and every backend' },
        load: async () => (await import('./doctor.ts')).registerDoctor,
      },
    ],
  },
];

/**
 * Adds all commands to the program, those of one module with their options and actions and the others by name alone.
 *
 * @param asked the command that will be parsed; undefined if there is none
 */
export async function addCommands(program: Command, context: CliContext, asked: string | undefined): Promise<void> {
  for (const { heading, modules } of commandGroups) {
    for (const { summaries, load } of modules) {
      const isAsked = asked !== undefined && Object.hasOwn(summaries, asked);
      if (isAsked) (await load())(program, context);
      for (const [name, summary] of Object.entries(summaries)) {
        const command = program.commands.find((known) => known.name() === name) ?? program.command(name);
        command.summary(summary).helpGroup(`${heading}:`);
      }
    }
  }
}
