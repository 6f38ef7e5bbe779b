// `stepspan link`: a new link to the live page of a running hub, asked of the hub with the token of the data folder.
import type { Command } from 'commander';
import type { LinkAsked } from '../hub/index.ts';
import { dataFolder } from '../journal/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { runArgument } from './find-run.ts';
import { askHubLink } from './hub-link.ts';
import { bindsLinks, openBrowser } from './open-browser.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';

type LinkFlags = FlagValues & { readonly read?: boolean; readonly open?: boolean };

export function registerLink(program: Command, context: CliContext): void {
  const command = program
    .command('link')
    .argument('[run]', `leads to this run: ${runArgument}`)
    .description(
      'Print a link to the live page of the running hub. It signs in one browser, once, within five minutes.',
    )
    .option('--read', 'a link for who may look and not act')
    .option('--open', 'open it in a browser')
    .addHelpText('after', '\nExamples:\n  $ stepspan link\n  $ stepspan link latest --open\n  $ stepspan link --read')
    .action((run: string | undefined, flags: LinkFlags) => link(context, run, flags));
  addSettingFlags(command, 'dataDir');
}

async function link(context: CliContext, text: string | undefined, flags: LinkFlags): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const { runningHub } = await import('../hub/index.ts');
  const hub = runningHub(data);
  if (hub === undefined)
    return fail(context, exitCodes.notFound, `No hub runs for ${data.root}. Start one: stepspan serve`);
  const found = text === undefined ? undefined : data.findRun(text);
  if (found !== undefined && found.kind !== 'found') return fail(context, exitCodes.notFound, found.message);
  const asked: LinkAsked = {
    scope: flags.read === true ? 'read' : 'control',
    ...(found === undefined ? {} : { runId: found.runId }),
  };
  const printed = await askHubLink(data, hub, asked);
  if (!printed.ok) return fail(context, exitCodes.notExecuted, printed.message);
  context.stdout.write(`${printed.url}\n`);
  if (flags.open !== true) return;
  const shown = await askHubLink(data, hub, { ...asked, ownUser: bindsLinks });
  if (!shown.ok) return fail(context, exitCodes.notExecuted, shown.message);
  const opened = await openBrowser(shown.url, context.env);
  if (opened.kind === 'not_opened') context.stderr.write(`stepspan: no browser was opened: ${opened.why}\n`);
}
