// Series for the alerts about the journals: room for them on the disk, what is lost or removed, damage. And when these fire.
import { nothing, type RuleCase } from './case.ts';

const from = 'instance="a:9464",job="stepspan"';
const GiB = 2 ** 30;
const MiB = 2 ** 20;

const instance = { instance: 'a:9464' };

const onDisk = (free: string, host: string): string => `Only ${free} are free for journals on ${host}:9464`;

export const journalCases: readonly RuleCase[] = [
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
      10: [{ labels: { ...instance, why: 'disk' }, summary: 'About 40 lines or events lost on a:9464 (disk)' }],
      20: [{ labels: { ...instance, why: 'disk' }, summary: 'About 40 lines or events lost on a:9464 (disk)' }],
      30: nothing,
    },
  },
  {
    alert: 'StepspanLinesLost',
    title: 'is the fallback of a hub that delivers no alerts of runs',
    series: {
      [`stepspan_lost_lines_total{why="disk",${from}}`]: '0x9 40x50',
      [`stepspan_lost_events_total{why="disk",${from}}`]: '0x60',
      [`stepspan_alerts_sent_total{receiver="alertmanager",result="taken",${from}}`]: '0x9 1x50',
    },
    at: { 10: nothing, 20: nothing },
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
      20: [{ labels: { ...instance, why: 'size' }, summary: 'About 1 lines or events lost on a:9464 (size)' }],
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
      // 7 between the first and the last sample, which are 14 of the 15 minutes apart.
      27: [{ labels: { ...instance, why: 'disk' }, summary: 'About 8 lines or events lost on a:9464 (disk)' }],
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
];
