// The command `alerts`: what fires now and which rules are in force (`list`), and one alert through the whole way (`test`).
import { type Command, Option } from 'commander';
import { ruleSeverities } from '../runs/alerts/index.ts';
import { listAlerts } from './alerts/list.ts';
import { type TestFlags, testAlert } from './alerts/test-alert.ts';
import type { CliContext } from './context.ts';
import { examples } from './examples.ts';
import { addSettingFlags, type FlagValues } from './settings.ts';

export function registerAlerts(program: Command, context: CliContext): void {
  const alerts = program.command('alerts').description('Show what fires and which rules are in force; send a test.');

  const list = alerts
    .command('list', { isDefault: true })
    .description('Print the alerts of runs that fire now, where they go, and every rule as it is in force.')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples('alerts list', 'alerts list --alerts-file team.yaml'))
    .allowExcessArguments()
    .action((flags: FlagValues & { readonly json?: boolean }, command: Command) => {
      // As `list` is the default, a misspelt `test` comes here, as an argument of a command that nobody has named.
      const [extra] = command.args;
      if (extra !== undefined) command.error(`error: unknown command 'alerts ${extra}'; write \`list\` or \`test\``);
      return listAlerts(context, flags);
    });
  addSettingFlags(list, 'dataDir', 'alertmanagerUrl', 'alertsFile', 'colour');

  const test = alerts
    .command('test')
    .description('Send one alert to Alertmanager, or to the webhook, and say where it arrived.')
    .addOption(
      new Option('--severity <severity>', 'the severity, by which an Alertmanager may route it')
        .choices(ruleSeverities)
        .default('warning'),
    )
    .option('--wait <duration>', 'how long to wait for Alertmanager to send its messages; `0s` not at all', '45s')
    .addHelpText(
      'after',
      `${examples('alerts test', 'alerts test --severity critical')}
Exit status: 0 when it was taken and led to a receiver, 2 when no receiver is set or a setting is wrong, 3 when it was
not taken, led to nobody, is silenced or inhibited, or Alertmanager failed to send a message meanwhile.
`,
    )
    .action((flags: TestFlags) => testAlert(context, flags));
  addSettingFlags(test, 'alertmanagerUrl', 'alertsFile', 'colour');
}
