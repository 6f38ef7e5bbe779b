// The settings of a notifier that sends to an Alertmanager, with defaults for everything else.
import type { NotifySettings } from '../../../src/readers/notify/index.ts';
import { defaultAlerts } from '../../../src/runs/alerts/index.ts';

export function alertmanagerAt(url: string): NotifySettings {
  return {
    receiver: { kind: 'alertmanager', url },
    alerts: defaultAlerts(),
    hubUrl: undefined,
    grafanaUrl: undefined,
    linksOf: () => [],
  };
}
