// Commands that pass on the record of a run, such as `ship` and `archive`, first close a run whose stepspan was killed.
import type { RunFolder } from '../journal/index.ts';
import type { CliContext } from './context.ts';

/** Says so if it had to be closed. @param by the command, for the journal, as `` `stepspan ship` `` */
export async function adoptIfKilled(context: CliContext, folder: RunFolder, by: string): Promise<void> {
  // Loaded here, as only these commands need it.
  const { adoptRun } = await import('../hub/index.ts');
  const adoption = await adoptRun(folder, by);
  if (adoption.kind === 'adopted')
    context.stderr.write(
      `stepspan: run ${folder.runId} was left open by a killed stepspan; it is now closed as abandoned\n`,
    );
}
