// Series for the alerts about the hub, what it ships and its disk, and when these fire.
import { nothing, type RuleCase } from './case.ts';

const from = 'instance="a:9464",job="stepspan"';
const GiB = 2 ** 30;
const MiB = 2 ** 20;

const instance = { instance: 'a:9464' };

const onDisk = (free: string, host: string): string => `Only ${free} are free for journals on ${host}:9464`;

export const hubCases: readonly RuleCase[] = [
  {
    alert: 'StepspanHubDown',
    title: 'fires when one of two hubs does not answer for two minutes, and resolves when it does',
    series: { [`up{${from}}`]: '1x9 0x9 1x20', 'up{instance="b:9464",job="stepspan"}': '1x40' },
    at: {
      9: nothing,
      11: nothing,
      13: [{ labels: { ...instance, job: 'stepspan' }, summary: 'The hub a:9464 does not answer' }],
      25: nothing,
    },
  },
  {
    alert: 'StepspanHubDown',
    title: 'keeps quiet over a restart',
    series: { [`up{${from}}`]: '1x9 0 0 1x20', 'up{job="other",instance="n:9100"}': '0x60' },
    at: { 10: nothing, 11: nothing, 12: nothing, 13: nothing },
  },
  {
    alert: 'StepspanHubDown',
    title: 'fires when the target has gone from the configuration, and resolves when it is back',
    series: { [`up{${from}}`]: '1x9 stale _x9 1x20', 'up{instance="c:8888",job="otel-collector"}': '1x40' },
    at: { 11: nothing, 15: [{ labels: { job: 'stepspan' }, summary: 'The hub does not answer' }], 25: nothing },
  },
  {
    alert: 'StepspanHubDown',
    title: 'fires when there never was one',
    series: { 'up{instance="c:8888",job="otel-collector"}': '1x40' },
    at: { 1: nothing, 5: [{ labels: { job: 'stepspan' }, summary: 'The hub does not answer' }] },
  },
  {
    alert: 'StepspanShippingBehind',
    title: 'fires when the oldest record stays too old, and resolves when it has gone',
    series: {
      [`stepspan_shipper_lag_seconds{signal="logs",${from}}`]: '0x9 60+60x20 0x20',
      [`stepspan_shipper_lag_seconds{signal="traces",${from}}`]: '0x60',
    },
    at: {
      15: nothing,
      // Above five minutes from the fifteenth on, and five more must pass.
      19: nothing,
      20: [{ labels: { ...instance, signal: 'logs' }, summary: 'logs of a:9464 are 11m 0s behind' }],
      25: [{ labels: { ...instance, signal: 'logs' }, summary: 'logs of a:9464 are 16m 0s behind' }],
      40: nothing,
    },
  },
  {
    alert: 'StepspanShippingBehind',
    title: 'keeps quiet of a backlog that goes away, and of a lag that is small',
    series: {
      [`stepspan_shipper_lag_seconds{signal="logs",${from}}`]: '0x9 3600x3 0x20',
      [`stepspan_shipper_lag_seconds{signal="traces",${from}}`]: '290x60',
    },
    at: { 11: nothing, 14: nothing, 20: nothing },
  },
  {
    alert: 'StepspanShippingRejecting',
    title: 'fires when records are refused, in whichever way, and resolves a quarter of an hour later',
    series: {
      [`stepspan_shipper_refused_records_total{signal="logs",${from}}`]: '0x9 2x50',
      [`stepspan_shipper_rejected_records_total{signal="logs",${from}}`]: '7x60',
      [`stepspan_shipper_refused_records_total{signal="traces",${from}}`]: '0x60',
      [`stepspan_shipper_rejected_records_total{signal="traces",${from}}`]: '0x19 1x40',
    },
    at: {
      9: nothing,
      12: [{ labels: { ...instance, signal: 'logs' }, summary: 'logs of a:9464 are refused' }],
      22: [
        { labels: { ...instance, signal: 'logs' }, summary: 'logs of a:9464 are refused' },
        { labels: { ...instance, signal: 'traces' }, summary: 'traces of a:9464 are refused' },
      ],
      30: [{ labels: { ...instance, signal: 'traces' }, summary: 'traces of a:9464 are refused' }],
      37: nothing,
      50: nothing,
    },
  },
  {
    alert: 'StepspanShippingRejecting',
    title: 'keeps quiet of what was refused long ago, also when the hub has lost its counters',
    series: {
      [`stepspan_shipper_refused_records_total{signal="logs",${from}}`]: '9x20 0x40',
      [`stepspan_shipper_rejected_records_total{signal="logs",${from}}`]: '5x20 0x40',
    },
    at: { 5: nothing, 22: nothing, 40: nothing },
  },
  {
    alert: 'StepspanJournalDiskFilling',
    title: 'warns below 2 GiB, is critical below 512 MiB, and resolves',
    series: { [`stepspan_data_folder_free_bytes{${from}}`]: `${30 * GiB}x9 ${GiB}x9 ${100 * MiB}x9 ${30 * GiB}x99` },
    at: {
      9: nothing,
      16: [{ labels: instance, summary: 'Only 1GiB are free for journals on a:9464' }],
      25: [
        { labels: instance, summary: 'Only 100MiB are free for journals on a:9464' },
        { labels: instance, severity: 'critical', summary: 'Only 100MiB are free for journals on a:9464' },
      ],
      35: nothing,
    },
  },
  {
    alert: 'StepspanJournalDiskFilling',
    title: 'warns and is critical right below its limits, once it has been so for a while',
    series: Object.fromEntries(
      Object.entries({ a: 1.9, b: 2.1, c: 0.45, d: 0.55 }).map(([host, free]) => [
        `stepspan_data_folder_free_bytes{instance="${host}:9464",job="stepspan"}`,
        `${free * GiB}x20 ${30 * GiB}x200`,
      ]),
    ),
    at: {
      0: nothing,
      3: [{ labels: { instance: 'c:9464' }, severity: 'critical', summary: onDisk('460.8MiB', 'c') }],
      6: [
        { labels: { instance: 'a:9464' }, summary: onDisk('1.9GiB', 'a') },
        { labels: { instance: 'c:9464' }, severity: 'critical', summary: onDisk('460.8MiB', 'c') },
        { labels: { instance: 'c:9464' }, summary: onDisk('460.8MiB', 'c') },
        { labels: { instance: 'd:9464' }, summary: onDisk('563.2MiB', 'd') },
      ],
      40: nothing,
    },
  },
  {
    alert: 'StepspanJournalDiskFilling',
    title: 'keeps quiet of a trend while ten times the limit is free, and of one that takes longer than four hours',
    series: {
      [`stepspan_data_folder_free_bytes{${from}}`]: `${26 * GiB}-${110 * MiB}x50`,
      'stepspan_data_folder_free_bytes{instance="b:9464",job="stepspan"}': `${18 * GiB}-${50 * MiB}x60`,
    },
    at: { 45: nothing, 50: nothing },
  },
  {
    alert: 'StepspanJournalDiskFilling',
    title: 'warns when the disk will be full in four hours as the last one went',
    series: { [`stepspan_data_folder_free_bytes{${from}}`]: `${20 * GiB}-${100 * MiB}x120` },
    at: { 10: nothing, 60: [{ labels: instance, summary: 'Only 14.14GiB are free for journals on a:9464' }] },
  },
  {
    alert: 'StepspanJournalDiskFilling',
    title: 'keeps quiet of one big checkout on a large disk, and of a slow trend',
    series: {
      [`stepspan_data_folder_free_bytes{${from}}`]: `${200 * GiB}x29 ${120 * GiB}x100`,
      'stepspan_data_folder_free_bytes{instance="b:9464",job="stepspan"}': `${18 * GiB}-${MiB}x120`,
    },
    at: { 31: nothing, 45: nothing, 80: nothing },
  },
  {
    alert: 'StepspanLinesLost',
    title: 'fires when lines or events are lost, by cause, and resolves',
    series: {
      [`stepspan_lost_lines_total{why="disk",${from}}`]: '0x9 40x50',
      [`stepspan_lost_events_total{why="disk",${from}}`]: '0x60',
      [`stepspan_lost_lines_total{why="retention",${from}}`]: '3x60',
      [`stepspan_lost_events_total{why="retention",${from}}`]: '0x60',
    },
    at: {
      9: nothing,
      10: [{ labels: { ...instance, why: 'disk' }, summary: '40 lines or events lost on a:9464 (disk)' }],
      20: [{ labels: { ...instance, why: 'disk' }, summary: '40 lines or events lost on a:9464 (disk)' }],
      30: nothing,
    },
  },
  {
    alert: 'StepspanLinesLost',
    title: 'fires for events alone, and keeps quiet where all was kept',
    series: {
      [`stepspan_lost_lines_total{why="size",${from}}`]: '0x60',
      [`stepspan_lost_events_total{why="size",${from}}`]: '0x9 1x50',
    },
    at: {
      5: nothing,
      20: [{ labels: { ...instance, why: 'size' }, summary: '1 lines or events lost on a:9464 (size)' }],
      30: nothing,
      40: nothing,
    },
  },
  {
    alert: 'StepspanLinesLost',
    title: 'adds up lines and events, and counts on where the hub has lost its counters',
    series: {
      [`stepspan_lost_lines_total{why="disk",${from}}`]: '9x19 0x4 4x50',
      [`stepspan_lost_events_total{why="disk",${from}}`]: '5x19 0x4 3x50',
    },
    at: {
      23: nothing,
      27: [{ labels: { ...instance, why: 'disk' }, summary: '7 lines or events lost on a:9464 (disk)' }],
      45: nothing,
    },
  },
  {
    alert: 'StepspanRetentionUnsent',
    title: 'fires when runs went unsent, and resolves an hour later',
    series: {
      [`stepspan_retention_unread_records_total{reader="ship-logs",${from}}`]: '0x9 500x150',
      [`stepspan_retention_unread_records_total{reader="ship-traces",${from}}`]: '8x160',
    },
    at: {
      9: nothing,
      12: [
        {
          labels: { ...instance, reader: 'ship-logs' },
          summary: 'Retention on a:9464 removed what `ship-logs` had not had',
        },
      ],
      60: [
        {
          labels: { ...instance, reader: 'ship-logs' },
          summary: 'Retention on a:9464 removed what `ship-logs` had not had',
        },
      ],
      80: nothing,
    },
  },
  {
    alert: 'StepspanJournalDamaged',
    title: 'fires when a journal cannot be read, and resolves an hour later',
    series: {
      [`stepspan_journal_problems_total{kind="corrupt",${from}}`]: '0x9 1x150',
      [`stepspan_journal_problems_total{kind="gap",${from}}`]: '0x160',
    },
    at: {
      9: nothing,
      12: [{ labels: { ...instance, kind: 'corrupt' }, summary: 'A journal on a:9464 is damaged (corrupt)' }],
      60: [{ labels: { ...instance, kind: 'corrupt' }, summary: 'A journal on a:9464 is damaged (corrupt)' }],
      80: nothing,
    },
  },
  {
    alert: 'StepspanHubErrors',
    title: 'fires when a task keeps failing, and resolves when it works again',
    series: {
      [`stepspan_hub_errors_total{task="ship",${from}}`]: '0x9 1+1x9 10x60',
      [`stepspan_hub_errors_total{task="save",${from}}`]: '0x80',
    },
    at: {
      11: nothing,
      18: [{ labels: { ...instance, task: 'ship' }, summary: 'The hub a:9464 keeps failing at `ship`' }],
      60: nothing,
    },
  },
  {
    alert: 'StepspanHubErrors',
    title: 'keeps quiet of three failures in a quarter of an hour',
    series: { [`stepspan_hub_errors_total{task="ship",${from}}`]: '0x9 1 2 3x60' },
    at: { 13: nothing, 20: nothing, 30: nothing },
  },
  {
    alert: 'StepspanHubErrors',
    title:
      'fires with the fourth failure in a quarter of an hour, also behind a lost counter, and not with four in half an hour',
    series: {
      [`stepspan_hub_errors_total{task="ship",${from}}`]: '9x4 0x4 1x3 2x3 4x60',
      [`stepspan_hub_errors_total{task="save",${from}}`]: '0x9 2x19 4x60',
    },
    at: {
      17: nothing,
      18: [{ labels: { ...instance, task: 'ship' }, summary: 'The hub a:9464 keeps failing at `ship`' }],
      31: nothing,
    },
  },
  {
    alert: 'StepspanAlertsUndelivered',
    title: 'fires when alerts wait for minutes, and resolves when they are taken',
    series: {
      [`stepspan_alerts_waiting{${from}}`]: '0x9 2x10 0x20',
      'stepspan_alerts_waiting{instance="b:9464",job="stepspan"}': '0x9 1x10 0x20',
    },
    at: {
      9: nothing,
      13: nothing,
      18: [
        { labels: instance, summary: '2 alerts of runs wait on a:9464' },
        { labels: { instance: 'b:9464' }, summary: '1 alerts of runs wait on b:9464' },
      ],
      30: nothing,
    },
  },
  {
    alert: 'StepspanAlertsUndelivered',
    title: 'keeps quiet of an alert that waits for one attempt',
    series: { [`stepspan_alerts_waiting{${from}}`]: '0x9 1x2 0x5 1x2 0x20' },
    at: { 11: nothing, 16: nothing, 20: nothing },
  },
  {
    alert: 'StepspanLabelOverflow',
    title: 'fires when a value is shown as `other`, and resolves an hour later',
    series: {
      [`stepspan_label_overflow_total{label="step",${from}}`]: '0x9 4x150',
      [`stepspan_label_overflow_total{label="model",${from}}`]: '2x160',
    },
    at: {
      9: nothing,
      12: [{ labels: { ...instance, label: 'step' }, summary: 'More values of the label `step` than metrics show' }],
      60: [{ labels: { ...instance, label: 'step' }, summary: 'More values of the label `step` than metrics show' }],
      80: nothing,
    },
  },
];
