// Where and how each signal is sent, from the standard OTEL_* variables, which mean what they mean to the official exporters.
// What the exporters only warn of (and then send elsewhere than was asked) is an error here, with what to write instead.
import { readFileSync } from 'node:fs';
import { errorCode } from '../../core/errors.ts';
import { type Env, keyValuePairs, variable } from './env.ts';

export type Signal = 'logs' | 'traces';
export type Encoding = 'protobuf' | 'json';

/** How an official exporter makes its requests. */
export type HttpOptions = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'gzip' | 'none';
  readonly timeoutMs: number;
  /** Contents of PEM files. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
};

export type Sending = {
  readonly kind: 'on';
  /** Of what the official exporters carry. */
  readonly encoding: Encoding;
  /** Of lines of output. */
  readonly lines: Encoding;
  readonly http: HttpOptions;
};

export type SignalSettings = { readonly kind: 'off'; readonly why: string } | Sending;

export type MetricSettings =
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  | { readonly kind: 'off' }
  | (Sending & { readonly intervalMs: number });

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

/** As the specification has them: a minute between two exports of metrics, and ten seconds for an answer. */
const defaultIntervalMs = 60_000;
const defaultTimeoutMs = 10_000;

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
  const exporter = variable(env, exporterName) ?? 'otlp';
  if (exporter === 'none') return { kind: 'off', why: `${exporterName} is none` };
  if (!exporter.split(',').some((name) => name.trim() === 'otlp')) {
    problems.push(`${exporterName}=${exporter}: stepspan sends OTLP only. Write otlp, or none to send no ${signal}.`);
  }
  for (const prefix of ['OTEL_EXPORTER_OTLP', `OTEL_EXPORTER_OTLP_${upper}`]) {
    checkUrl(`${prefix}_ENDPOINT`, env, problems);
    checkTimeout(`${prefix}_TIMEOUT`, env, problems);
    checkCompression(`${prefix}_COMPRESSION`, env, problems);
  }
  return { kind: 'on', ...encodingsOf(upper, env, problems), http: httpOptions(signal, upper, env, problems) };
}

function httpOptions(signal: Signal | 'metrics', upper: string, env: Env, problems: string[]): HttpOptions {
  const prefixes = [`OTEL_EXPORTER_OTLP_${upper}`, 'OTEL_EXPORTER_OTLP'];
  const value = (suffix: string): string | undefined =>
    variable(env, ...prefixes.map((prefix) => `${prefix}_${suffix}`));
  const common = variable(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') ?? 'http://localhost:4318';
  const [ca, cert, key] = ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map((suffix) => {
    const files = prefixes.map((prefix) => readFile(`${prefix}_${suffix}`, env, problems));
    return files.find((file) => file !== undefined);
  });
  return {
    // The endpoint of a signal is used as it is written, the common one has the path of the signal behind it.
    url: variable(env, `OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`) ?? `${common.replace(/\/?$/, '/')}v1/${signal}`,
    headers: { ...keyValuePairs(env.OTEL_EXPORTER_OTLP_HEADERS), ...keyValuePairs(env[`${prefixes[0]}_HEADERS`]) },
    compression: value('COMPRESSION') === 'gzip' ? 'gzip' : 'none',
    timeoutMs: Number(value('TIMEOUT') ?? defaultTimeoutMs),
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
  };
}

/** Without a setting the two exporters that stepspan is built with send what they send, JSON; lines are made for protobuf. */
function encodingsOf(upper: string, env: Env, problems: string[]): Pick<Sending, 'encoding' | 'lines'> {
  const specific = `OTEL_EXPORTER_OTLP_${upper}_PROTOCOL`;
  const name = variable(env, specific) === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : specific;
  const protocol = variable(env, name);
  if (protocol === 'http/protobuf') return { encoding: 'protobuf', lines: 'protobuf' };
  if (protocol === 'http/json') return { encoding: 'json', lines: 'json' };
  if (protocol !== undefined) {
    problems.push(
      `${name}=${protocol}: stepspan speaks OTLP over HTTP. Write http/protobuf (port 4318 of a Collector) or http/json.`,
    );
  }
  return { encoding: 'json', lines: 'protobuf' };
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

function readFile(name: string, env: Env, problems: string[]): Buffer | undefined {
  const file = variable(env, name);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    problems.push(`${name}=${file}: the file cannot be read (${errorCode(error)}). Write the path of a PEM file.`);
    return undefined;
  }
}

function perSignal(suffix: string): readonly string[] {
  return ['LOGS', 'TRACES'].map((upper) => `OTEL_EXPORTER_OTLP_${upper}_${suffix}`);
}
