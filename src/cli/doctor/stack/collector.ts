// The Collector from outside: whether it accepts OTLP, and whether runs send to it.
import { advice, bad, type Check, good } from '../check.ts';
import { ask, notReady } from './ask.ts';

const what = 'Collector';

/** @param endpoint without the /v1/logs */
export async function checkCollector(endpoint: string, isConfigured: boolean): Promise<readonly Check[]> {
  // An empty export is valid and stores nothing.
  const headers = { 'content-type': 'application/json' };
  const answer = await ask(endpoint, 'v1/logs', { method: 'POST', headers, body: '{}' });
  if (answer.kind === 'answered' && answer.status === 503) {
    const remedy =
      'Its queue is full or it is at its memory limit: fix the backend that it cannot reach. Runs keep everything meanwhile.';
    return [bad(what, `${endpoint} refuses new data`, remedy)];
  }
  if (answer.kind === 'answered' && answer.status === 404) {
    const remedy = 'Is this an OTLP/HTTP intake? The address is without /v1/logs, and usually has the port 4318.';
    return [bad(what, `${endpoint} answers, but does not accept OTLP logs`, remedy)];
  }
  const failed = notReady(what, endpoint, 'otel-collector', answer);
  if (failed !== undefined) return [failed];
  const accepted = good(what, `${endpoint} accepts OTLP`);
  if (isConfigured) return [accepted];
  const remedy = `Set OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint} where runs and \`stepspan serve\` are started.`;
  return [accepted, advice('OTLP endpoint', 'runs on this machine do not send there', remedy)];
}
