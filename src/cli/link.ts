// `stepspan link`: a new link to the live page of a running hub, asked of the hub with the token of the data folder.
import type { Command } from 'commander';
import { dataFolder } from '../journal/index.ts';
import { type CliContext, fail, settingsFor } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';

/** A hub answers from memory. */
const answerWithinMs = 10_000;

export function registerLink(program: Command, context: CliContext): void {
  const command = program
    .command('link')
    .description(
      'Print a link to the live page of the running hub. It signs in one browser, once, within five minutes.',
    )
    .option('--read', 'a link for who may look and not act')
    .addHelpText('after', '\nExamples:\n  $ stepspan link\n  $ stepspan link --read')
    .action((flags: FlagValues & { readonly read?: boolean }) => link(context, flags));
  addSettingFlags(command, 'dataDir');
}

async function link(context: CliContext, flags: FlagValues & { readonly read?: boolean }): Promise<void> {
  const settings = settingsFor(context, flags);
  if (settings === undefined) return;
  const data = dataFolder(settings.dataDir);
  const { loadToken, runningHub } = await import('../hub/index.ts');
  const hub = runningHub(data);
  if (hub === undefined)
    return fail(context, exitCodes.notFound, `No hub runs for ${data.root}. Start one: stepspan serve`);
  try {
    const response = await fetch(`${reachable(hub.host, hub.port)}/api/v1/link`, {
      method: 'POST',
      headers: { authorization: `Bearer ${loadToken(data, 'control')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ scope: flags.read === true ? 'read' : 'control' }),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const answer = (await response.json()) as { url?: string; error?: { message: string; fix: string } };
    if (answer.url !== undefined) context.stdout.write(`${answer.url}\n`);
    else fail(context, exitCodes.notExecuted, `The hub refused: ${answer.error?.message} ${answer.error?.fix}`);
  } catch (error) {
    fail(context, exitCodes.notExecuted, `The hub at ${hub.url} cannot be asked: ${(error as Error).message}`);
  }
}

/** A hub that listens on every address is reached by the one of this machine alone. */
function reachable(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' || host === '[::]' ? '[::1]' : host;
  return `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
}
