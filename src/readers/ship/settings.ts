// Where and how each signal is sent, from the standard OTEL_* variables as the official exporters read them.
// What the exporters only warn of (and then send elsewhere than was asked) is an error here, with what to write instead.
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import type * as NodeHttp from '@opentelemetry/otlp-exporter-base/node-http';
import { errorCode } from '../../core/errors.ts';
import { type Env, withProcessEnv } from './env.ts';

export type Signal = 'logs' | 'traces';
export type Encoding = 'protobuf' | 'json';

/** URL, headers, agent, compression and timeout, as the official exporters use them. */
export type HttpOptions = ReturnType<typeof NodeHttp.convertLegacyHttpOptions>;

export type SignalSettings =
  | { readonly kind: 'off'; readonly why: string }
  | { readonly kind: 'on'; readonly encoding: Encoding; readonly http: HttpOptions };

export type MetricSettings =
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  | { readonly kind: 'off' }
  | { readonly kind: 'on'; readonly encoding: Encoding; readonly http: HttpOptions; readonly intervalMs: number };

export type Settings =
  | { readonly ok: true; readonly logs: SignalSettings; readonly traces: SignalSettings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Whether somebody said where to send: without an endpoint a run is not shipped unless it is asked for. */
export function isShippingConfigured(env: Env): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false;
  return ['OTEL_EXPORTER_OTLP_ENDPOINT', ...perSignal('ENDPOINT')].some((name) => (env[name] ?? '').trim() !== '');
}

export function readSettings(env: Env): Settings {
  const problems: string[] = [];
  const logs = settingsOf('logs', env, problems);
  const traces = settingsOf('traces', env, problems);
  return problems.length > 0 ? { ok: false, problems: [...new Set(problems)] } : { ok: true, logs, traces };
}

/** As the specification has it: a minute between two exports of metrics. */
const defaultIntervalMs = 60_000;

/** Metrics are scraped; they are sent only if OTEL_METRICS_EXPORTER asks for it and somebody said where to. */
export function readMetricSettings(env: Env): MetricSettings {
  const asked = (env.OTEL_METRICS_EXPORTER ?? '').split(',').some((name) => name.trim() === 'otlp');
  const endpoints = [env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, env.OTEL_EXPORTER_OTLP_ENDPOINT];
  if (!asked || endpoints.every((endpoint) => (endpoint ?? '').trim() === '')) return { kind: 'off' };
  const problems: string[] = [];
  const settings = settingsOf('metrics', env, problems);
  const interval = (env.OTEL_METRIC_EXPORT_INTERVAL ?? '').trim();
  checkTimeout('OTEL_METRIC_EXPORT_INTERVAL', env, problems);
  const temporality = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';
  const preferred = (env[temporality] ?? '').trim().toLowerCase();
  if (preferred !== '' && preferred !== 'cumulative')
    problems.push(`${temporality}=${preferred}: stepspan sends sums since the start of a run. Write cumulative.`);
  if (problems.length > 0) return { kind: 'invalid', problems: [...new Set(problems)] };
  if (settings.kind === 'off') return { kind: 'off' };
  return { ...settings, intervalMs: interval === '' ? defaultIntervalMs : Number(interval) };
}

function settingsOf(signal: Signal | 'metrics', env: Env, problems: string[]): SignalSettings {
  const upper = signal.toUpperCase();
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return { kind: 'off', why: 'OTEL_SDK_DISABLED is true' };
  const exporterName = `OTEL_${upper}_EXPORTER`;
  const exporter = (env[exporterName] ?? '').trim() || 'otlp';
  if (exporter === 'none') return { kind: 'off', why: `${exporterName} is none` };
  if (!exporter.split(',').some((name) => name.trim() === 'otlp')) {
    problems.push(`${exporterName}=${exporter}: stepspan sends OTLP only. Write otlp, or none to send no ${signal}.`);
  }
  const encoding = encodingOf(upper, env, problems);
  checkUrl(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`, env, problems);
  checkUrl('OTEL_EXPORTER_OTLP_ENDPOINT', env, problems);
  for (const prefix of ['OTEL_EXPORTER_OTLP', `OTEL_EXPORTER_OTLP_${upper}`]) {
    checkTimeout(`${prefix}_TIMEOUT`, env, problems);
    checkCompression(`${prefix}_COMPRESSION`, env, problems);
    for (const file of ['CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE']) {
      checkFile(`${prefix}_${file}`, env, problems);
    }
  }
  const type = encoding === 'json' ? 'application/json' : 'application/x-protobuf';
  const { convertLegacyHttpOptions } = exporters();
  const http = withProcessEnv(env, () => convertLegacyHttpOptions({}, upper, `v1/${signal}`, { 'Content-Type': type }));
  return { kind: 'on', encoding, http };
}

/** Loaded when an endpoint is set, and not by every command that could send something: it takes 60 ms. */
function exporters(): typeof NodeHttp {
  const loaded: typeof NodeHttp = createRequire(import.meta.url)('@opentelemetry/otlp-exporter-base/node-http');
  return loaded;
}

function encodingOf(upper: string, env: Env, problems: string[]): Encoding {
  const specific = `OTEL_EXPORTER_OTLP_${upper}_PROTOCOL`;
  const name = (env[specific] ?? '').trim() === '' ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : specific;
  const protocol = (env[name] ?? '').trim() || 'http/protobuf';
  if (protocol === 'http/protobuf') return 'protobuf';
  if (protocol === 'http/json') return 'json';
  problems.push(
    `${name}=${protocol}: stepspan speaks OTLP over HTTP. Write http/protobuf (port 4318 of a Collector) or http/json.`,
  );
  return 'protobuf';
}

function checkUrl(name: string, env: Env, problems: string[]): void {
  const text = (env[name] ?? '').trim();
  if (text === '') return;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return;
  problems.push(`${name}=${text}: not an http or https URL. Write for example http://localhost:4318.`);
}

function checkTimeout(name: string, env: Env, problems: string[]): void {
  const text = (env[name] ?? '').trim();
  if (text === '' || Number(text) > 0) return;
  problems.push(`${name}=${text}: not a number of milliseconds above 0. Write for example 10000.`);
}

function checkCompression(name: string, env: Env, problems: string[]): void {
  const text = (env[name] ?? '').trim();
  if (text === '' || text === 'none' || text === 'gzip') return;
  problems.push(`${name}=${text}: not a compression that OTLP exporters know. Write gzip or none.`);
}

function checkFile(name: string, env: Env, problems: string[]): void {
  const file = (env[name] ?? '').trim();
  if (file === '') return;
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    problems.push(`${name}=${file}: the file cannot be read (${errorCode(error)}). Write the path of a PEM file.`);
  }
}

function perSignal(suffix: string): readonly string[] {
  return ['LOGS', 'TRACES'].map((upper) => `OTEL_EXPORTER_OTLP_${upper}_${suffix}`);
}
