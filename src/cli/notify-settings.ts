// From the settings to the options of a notifier: the receiver, alerts.yaml, and where links lead. Reads alerts.yaml.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { toError } from '../core/errors.ts';
import type { NotifySettings } from '../readers/notify/index.ts';
import { type AlertSettings, defaultAlerts, readAlerts } from '../runs/alerts/index.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { linksOf } from './links.ts';
import type { SettingName } from './setting-table.ts';
import { type Settings, surroundings } from './settings.ts';
import { settingsFilePaths } from './settings-file.ts';

/** The flags of a command that sends alerts: the receiver, the rules, and where the links in them lead. */
export const alertFlags = [
  'alertmanagerUrl',
  'alertsFile',
  'publicUrl',
  'grafanaUrl',
  'traceLink',
  'logsLink',
] as const satisfies readonly SettingName[];

export type AlertsFile = { readonly file: string | undefined; readonly alerts: AlertSettings };

/** @returns undefined after everything that is wrong with alerts.yaml was reported */
export function alertsOf(context: CliContext, settings: Settings): AlertsFile | undefined {
  const file = settings.alertsFile ?? foundFile(context);
  if (file === undefined) return { file, alerts: defaultAlerts() };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return fail(
      context,
      exitCodes.badInput,
      `${file}: alerts.yaml cannot be read (${toError(error).message}); make it readable, or set STEPSPAN_ALERTS_FILE to another file`,
    );
  }
  const read = readAlerts(text, file);
  return read.ok ? { file, alerts: read.settings } : fail(context, exitCodes.badInput, ...read.problems);
}

/**
 * @returns `notify` undefined if no receiver is set; undefined as a whole after everything that is wrong was reported.
 * alerts.yaml is checked even if nothing is sent, so that a mistake in it shows before it matters.
 */
export function notifySettingsOf(
  context: CliContext,
  settings: Settings,
): { readonly notify: NotifySettings | undefined } | undefined {
  const found = alertsOf(context, settings);
  if (found === undefined) return undefined;
  const receiver = receiverOf(settings);
  if (receiver === undefined) return { notify: undefined };
  return {
    notify: {
      receiver,
      alerts: found.alerts,
      hubUrl: settings.publicUrl,
      grafanaUrl: settings.grafanaUrl,
      linksOf: (run) => linksOf(settings, run),
    },
  };
}

/** An Alertmanager wins over a webhook: it can do more, and has webhooks of its own. */
export function receiverOf({
  alertmanagerUrl,
  alertWebhookUrl,
}: Pick<Settings, 'alertmanagerUrl' | 'alertWebhookUrl'>): NotifySettings['receiver'] | undefined {
  if (alertmanagerUrl !== undefined) return { kind: 'alertmanager', url: alertmanagerUrl };
  return alertWebhookUrl === undefined ? undefined : { kind: 'webhook', url: alertWebhookUrl };
}

/** Only beside a settings file: any other folder may hold the alerts.yaml of another program. */
function foundFile({ env, cwd }: CliContext): string | undefined {
  return settingsFilePaths(surroundings(env, cwd))
    .filter((file) => existsSync(file))
    .map((file) => path.join(path.dirname(file), 'alerts.yaml'))
    .find((file) => existsSync(file));
}
