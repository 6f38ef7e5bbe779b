// `stepspan alerts list`: the alerts of runs that fire now, their receiver, and the rules with what alerts.yaml changed.

import { formatAge } from '../../core/duration.ts';
import { dataFolder } from '../../journal/index.ts';
import { type FiringAlert, firingAlerts, loadNotifierState, originOf } from '../../readers/notify/index.ts';
import { allRules, type RuleSettings, thresholdText } from '../../runs/alerts/index.ts';
import { type CliContext, settingsFor } from '../context.ts';
import { formatTable } from '../format.ts';
import { alertsOf, receiverOf } from '../notify-settings.ts';
import type { FlagValues } from '../settings.ts';
import { sizeOf } from '../terminal/screen.ts';
import { safe } from '../terminal/step-text.ts';

/** Alerts are remembered for two weeks at most (hub/notify-runs.ts); so many runs are looked at, newest first. */
const lookedAtRuns = 500;

export async function listAlerts(context: CliContext, flags: FlagValues & { readonly json?: boolean }): Promise<void> {
  const settings = settingsFor(context, flags);
  const found = settings === undefined ? undefined : alertsOf(context, settings);
  if (settings === undefined || found === undefined) return;
  const data = dataFolder(settings.dataDir);
  const firing = data
    .listRunIds()
    .slice(0, lookedAtRuns)
    .flatMap((runId) => {
      const state = loadNotifierState(data.runDir(runId));
      return state === undefined ? [] : firingAlerts(state, context.now());
    });
  const receiver = receiverOf(settings);
  const to = receiver === undefined ? undefined : { kind: receiver.kind, origin: originOf(receiver.url) };
  const say = (line = ''): void => void context.stdout.write(`${line}\n`);
  if (flags.json === true) {
    say(JSON.stringify({ firing, receiver: to, alertsFile: found.file, ...found.alerts }));
    return;
  }
  if (firing.length === 0) say('Nothing fires.');
  for (const alert of firing) {
    say(`${alert.alert.severity}  ${alert.alert.rule}  ${safe(alert.alert.summary)}`);
    say(`    run ${alert.runId}, began ${formatAge(context.now() - alert.alert.startsMs)}, ${deliveryText(alert)}`);
  }
  say();
  say(to === undefined ? noReceiver : `Alerts of runs go to ${to.origin} (${to.kind}).`);
  say(`Rules: ${found.file ?? 'as they are by default; alerts.yaml beside a settings file changes them'}`);
  say();
  const rows = allRules.map((rule) => {
    const now = found.alerts.rules[rule.name];
    const values = Object.entries(rule.thresholds).map(([name, threshold]) => {
      const value = now?.thresholds[name] ?? threshold.default;
      return `${name} ${thresholdText(threshold, value)}${value === threshold.default ? '' : '*'}`;
    });
    return [rule.name, rule.source, severityText(now, rule.severity), values.join(', ')];
  });
  const heads = ['RULE', 'BY', 'SEVERITY', 'THRESHOLDS (* changed)'].map((head) => ({ head }));
  for (const line of formatTable(heads, rows, context.stdout.isTTY ? sizeOf(context.stdout).columns : 200)) say(line);
}

export const noReceiver =
  'Alerts of runs go nowhere: set STEPSPAN_ALERTMANAGER_URL or STEPSPAN_ALERT_WEBHOOK_URL. The live page shows them all the same.';

function deliveryText({ delivery }: FiringAlert): string {
  switch (delivery.kind) {
    case 'taken':
      return 'taken by the receiver';
    case 'waiting':
      return 'not taken by a receiver yet';
    case 'refused':
      return `refused by the receiver: ${safe(delivery.why)}`;
  }
}

function severityText(now: RuleSettings | undefined, before: string): string {
  if (now?.enabled === false) return 'off*';
  return now === undefined || now.severity === before ? before : `${now.severity}*`;
}
