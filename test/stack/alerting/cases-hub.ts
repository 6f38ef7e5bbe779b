// Series for the alerts about the hub, what it ships and its own messages, and when these fire.
import { nothing, type RuleCase } from './case.ts';

const from = 'instance="a:9464",job="stepspan"';

const instance = { instance: 'a:9464' };

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
