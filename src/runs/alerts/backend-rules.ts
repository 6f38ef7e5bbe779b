// The rules that Prometheus and Loki's ruler evaluate: names, severities and thresholds, so that alerts.yaml covers them.
// Their queries and texts are in alerting/; nothing of src evaluates them.
import type { RuleDefinition, Threshold } from './rule.ts';

const minute = 60_000;
const hour = 60 * minute;

const duration = (ms: number, meaning: string): Threshold => ({ kind: 'duration', default: ms, meaning });
const forAtLeast = (ms: number): Threshold => duration(ms, 'how long it must be so before the alert fires');
const lookedBack = (ms: number): Threshold => duration(ms, 'the time that is looked back on');

export const prometheusRules = {
  StepspanWorkflowFailureRate: {
    name: 'StepspanWorkflowFailureRate',
    source: 'prometheus',
    severity: 'critical',
    meaning: 'Of the last runs of a workflow, a large share did not succeed. Cancelled runs do not count.',
    thresholds: {
      window: lookedBack(6 * hour),
      share: { kind: 'share', default: 0.5, meaning: 'the share of runs that may fail' },
      // Of two runs one is half; with five, three must have failed.
      minimumRuns: { kind: 'count', default: 5, meaning: 'how many runs must have ended in that time' },
      // The increase of a counter is extrapolated; right after its first scrapes it can be twice the truth.
      for: forAtLeast(2 * minute),
    },
  },
  StepspanNoRecentSuccess: {
    name: 'StepspanNoRecentSuccess',
    source: 'prometheus',
    severity: 'critical',
    meaning: 'A workflow that `schedules` of alerts.yaml names has not succeeded for longer than it says there.',
    thresholds: {
      // Longer than the hub needs to read a journal and Prometheus to scrape it.
      for: forAtLeast(5 * minute),
    },
  },
  StepspanSpendHigh: {
    name: 'StepspanSpendHigh',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'All runs together, active ones included, have cost more in a day than they should.',
    thresholds: {
      window: lookedBack(24 * hour),
      usd: { kind: 'number', default: 100, meaning: 'US dollars that may be spent in that time' },
      // As for the failure rate: an increase is too high right after the first scrapes.
      for: forAtLeast(5 * minute),
    },
  },
  StepspanHubDown: {
    name: 'StepspanHubDown',
    source: 'prometheus',
    severity: 'critical',
    meaning: 'Prometheus cannot reach the hub, or has no hub to scrape. The hub counts and sends nothing meanwhile.',
    thresholds: {
      // A restart of the hub takes seconds; two minutes are several scrapes.
      for: forAtLeast(2 * minute),
    },
  },
  StepspanBackendDown: {
    name: 'StepspanBackendDown',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'Prometheus cannot reach the Collector, Loki, Tempo, Grafana or Alertmanager.',
    thresholds: { for: forAtLeast(5 * minute) },
  },
  StepspanShippingBehind: {
    name: 'StepspanShippingBehind',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'Logs or traces wait in the journal for longer than they should. Nothing is lost yet.',
    thresholds: {
      lag: duration(5 * minute, 'how old the oldest record may be that is still to be sent'),
      // After an outage the backlog is old until it has gone; a minute of it is worth no message.
      for: forAtLeast(5 * minute),
    },
  },
  StepspanShippingRejecting: {
    name: 'StepspanShippingRejecting',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'The other side refused records for good. Those that were refused alone are kept aside.',
    thresholds: { window: lookedBack(15 * minute) },
  },
  StepspanJournalDiskFilling: {
    name: 'StepspanJournalDiskFilling',
    source: 'prometheus',
    severity: 'warning',
    meaning:
      'The disk of the data folder is nearly full, or will be soon. It becomes critical below a second threshold.',
    thresholds: {
      // Runs print some hundred MB a day at most; below half a GiB the next one may be the last that is kept whole.
      free: { kind: 'size', default: 2 * 2 ** 30, meaning: 'free space below which it warns' },
      criticalFree: { kind: 'size', default: 512 * 2 ** 20, meaning: 'free space below which it is critical' },
      within: duration(4 * hour, 'it warns too when the disk will be full in that time, as the last hour went'),
      for: forAtLeast(5 * minute),
    },
  },
  StepspanLinesLost: {
    name: 'StepspanLinesLost',
    source: 'prometheus',
    severity: 'critical',
    meaning:
      'Lines or events of runs were lost, and the hub has delivered no alerts of runs: otherwise StepspanOutputLost reports it.',
    thresholds: { window: lookedBack(15 * minute) },
  },
  StepspanRetentionUnsent: {
    name: 'StepspanRetentionUnsent',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'Runs were removed for their age or for space before all of them had been sent.',
    thresholds: { window: lookedBack(1 * hour) },
  },
  StepspanJournalDamaged: {
    name: 'StepspanJournalDamaged',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'A journal has a part that cannot be read: damaged, missing, or of an unknown kind.',
    thresholds: { window: lookedBack(1 * hour) },
  },
  StepspanHubErrors: {
    name: 'StepspanHubErrors',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'A task of the hub fails again and again. A single failure is retried and not reported.',
    thresholds: {
      window: lookedBack(15 * minute),
      count: { kind: 'count', default: 3, meaning: 'failures that are still taken for bad luck' },
    },
  },
  StepspanAlertsUndelivered: {
    name: 'StepspanAlertsUndelivered',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'Alerts of runs wait because no receiver takes them.',
    thresholds: { for: forAtLeast(5 * minute) },
  },
  StepspanNotificationsFailing: {
    name: 'StepspanNotificationsFailing',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'Alertmanager cannot hand out its messages, such as mails to a server that refuses them.',
    thresholds: { window: lookedBack(15 * minute) },
  },
  StepspanCollectorQueueFilling: {
    name: 'StepspanCollectorQueueFilling',
    source: 'prometheus',
    severity: 'warning',
    meaning: 'The queue of the Collector on disk fills up, because a backend does not take what it holds.',
    thresholds: {
      share: { kind: 'share', default: 0.5, meaning: 'the share of the queue that may be in use' },
      for: forAtLeast(5 * minute),
    },
  },
  StepspanCollectorDropping: {
    name: 'StepspanCollectorDropping',
    source: 'prometheus',
    severity: 'critical',
    meaning: 'A backend refused for good what the Collector sent, and the Collector threw it away.',
    thresholds: { window: lookedBack(15 * minute) },
  },
  StepspanLabelOverflow: {
    name: 'StepspanLabelOverflow',
    source: 'prometheus',
    severity: 'info',
    meaning:
      'There are more workflows, steps or other names than the metrics have labels for; the rest is shown as `other`.',
    thresholds: { window: lookedBack(1 * hour) },
  },
} as const satisfies Readonly<Record<string, RuleDefinition>>;

export const lokiRules = {
  StepspanErrorBurst: {
    name: 'StepspanErrorBurst',
    source: 'loki',
    severity: 'warning',
    meaning: 'The runs of a workflow print many lines of severity ERROR in a short time.',
    thresholds: {
      window: lookedBack(5 * minute),
      lines: { kind: 'count', default: 50, meaning: 'lines of severity ERROR that are still taken for normal' },
    },
  },
  StepspanResourceExhausted: {
    name: 'StepspanResourceExhausted',
    source: 'loki',
    severity: 'warning',
    meaning: 'A step says on stderr that memory, disk, processes or open files have run out.',
    thresholds: { window: lookedBack(5 * minute) },
  },
} as const satisfies Readonly<Record<string, RuleDefinition>>;

export const backendRules: readonly RuleDefinition[] = [...Object.values(prometheusRules), ...Object.values(lokiRules)];
