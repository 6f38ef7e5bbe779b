// Series for the alerts about the Collector, Loki, Tempo, Grafana and Alertmanager, and when these fire.
import { backendJobs } from '../../../alerting/queries/prometheus.ts';
import { nothing, type RuleCase } from './case.ts';

const collector = 'instance="c:8888",job="otel-collector"';
const logs = `data_type="logs",exporter="otlp_http/loki",${collector}`;
const traces = `data_type="traces",exporter="otlp_http/tempo",${collector}`;
const toLoki = { instance: 'c:8888', exporter: 'otlp_http/loki' };
const refused = [{ labels: toLoki, summary: 'The Collector threw away what otlp_http/loki refused' }];

export const backendCases: readonly RuleCase[] = [
  {
    alert: 'StepspanBackendDown',
    title: 'fires when Loki does not answer for five minutes, and resolves',
    series: { 'up{job="loki",instance="loki:3100"}': '1x9 0x9 1x20', 'up{job="tempo",instance="tempo:3200"}': '1x60' },
    at: {
      13: nothing,
      17: [{ labels: { job: 'loki', instance: 'loki:3100' }, summary: 'loki does not answer' }],
      30: nothing,
    },
  },
  {
    alert: 'StepspanBackendDown',
    title: 'fires for each of them',
    series: Object.fromEntries(backendJobs.map((job) => [`up{job="${job}",instance="x:1"}`, '0x9'])),
    at: {
      1: nothing,
      7: backendJobs.map((job) => ({ labels: { job, instance: 'x:1' }, summary: `${job} does not answer` })),
    },
  },
  {
    alert: 'StepspanBackendDown',
    title: 'keeps quiet of what is not there at all, and of what is not ours',
    series: { 'up{job="node",instance="n:9100"}': '0x60', 'up{job="loki",instance="loki:3100"}': '1x9 stale' },
    at: { 20: nothing, 50: nothing },
  },
  {
    alert: 'StepspanCollectorQueueFilling',
    title: 'fires when a queue stays more than half full, and resolves',
    series: {
      [`otelcol_exporter_queue_size{${logs}}`]: '10x9 600x9 0x20',
      [`otelcol_exporter_queue_capacity{${logs}}`]: '1000x60',
      [`otelcol_exporter_queue_size{${traces}}`]: '500x60',
      [`otelcol_exporter_queue_capacity{${traces}}`]: '1000x60',
    },
    at: {
      13: nothing,
      17: [
        {
          labels: { ...toLoki, data_type: 'logs', job: 'otel-collector' },
          summary: 'The queue of otlp_http/loki in the Collector is 60% full',
        },
      ],
      30: nothing,
    },
  },
  {
    alert: 'StepspanCollectorQueueFilling',
    title: 'keeps quiet of a queue without a capacity',
    series: { [`otelcol_exporter_queue_size{${logs}}`]: '5x60', [`otelcol_exporter_queue_capacity{${logs}}`]: '0x60' },
    at: { 10: nothing, 30: nothing },
  },
  {
    alert: 'StepspanCollectorDropping',
    title: 'fires for the very first failure, with which the counter is born, and resolves',
    series: {
      [`otelcol_exporter_send_failed_log_records_total{${logs}}`]: '_x10 12x60',
      [`otelcol_exporter_sent_log_records_total{${logs}}`]: '0+10x60',
    },
    at: { 9: nothing, 12: refused, 22: refused, 28: nothing, 40: nothing },
  },
  {
    alert: 'StepspanCollectorDropping',
    title: 'fires for a later failure, and for spans, under the names of both formats',
    series: {
      [`otelcol_exporter_send_failed_log_records{${logs}}`]: '3x29 5x60',
      [`otelcol_exporter_send_failed_spans_total{${traces}}`]: '0x29 1x60',
    },
    at: {
      // The window of 15 minutes must have passed since the test begins, as it knows of nothing before.
      25: nothing,
      32: [
        ...refused,
        {
          labels: { instance: 'c:8888', exporter: 'otlp_http/tempo' },
          summary: 'The Collector threw away what otlp_http/tempo refused',
        },
      ],
      42: [
        ...refused,
        {
          labels: { instance: 'c:8888', exporter: 'otlp_http/tempo' },
          summary: 'The Collector threw away what otlp_http/tempo refused',
        },
      ],
      47: nothing,
      60: nothing,
    },
  },
  {
    alert: 'StepspanCollectorDropping',
    title: 'fires for the very first failure of a span',
    series: { [`otelcol_exporter_send_failed_spans_total{${traces}}`]: '_x10 1x60' },
    at: {
      9: nothing,
      12: [
        {
          labels: { instance: 'c:8888', exporter: 'otlp_http/tempo' },
          summary: 'The Collector threw away what otlp_http/tempo refused',
        },
      ],
      28: nothing,
    },
  },
  {
    alert: 'StepspanCollectorDropping',
    title: 'keeps quiet of what could not be queued, which stepspan sends again',
    series: { [`otelcol_exporter_enqueue_failed_log_records_total{${logs}}`]: '0+10x60' },
    at: { 10: nothing, 50: nothing },
  },
  {
    alert: 'StepspanNotificationsFailing',
    title: 'fires when mails fail, over all reasons, and resolves',
    series: {
      'alertmanager_notifications_failed_total{integration="email",reason="serverError",instance="am:9093"}':
        '0x9 2x60',
      'alertmanager_notifications_failed_total{integration="email",reason="clientError",instance="am:9093"}': '0x60',
      'alertmanager_notifications_failed_total{integration="webhook",reason="other",instance="am:9093"}': '4x60',
    },
    at: {
      9: nothing,
      12: [{ labels: { instance: 'am:9093', integration: 'email' }, summary: 'Alertmanager cannot deliver by email' }],
      22: [{ labels: { instance: 'am:9093', integration: 'email' }, summary: 'Alertmanager cannot deliver by email' }],
      27: nothing,
      40: nothing,
    },
  },
];
