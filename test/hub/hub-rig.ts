// Hubs of temporary data folders with real journals, scraped over real HTTP.
import { Agent, request } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { newRunId, type RunId } from '../../src/core/ids.ts';
import { type Hub, type HubOptions, startHub } from '../../src/hub/index.ts';
import {
  createJournal,
  type DataFolder,
  dataFolder,
  type JournalWriter,
  processIdentity,
} from '../../src/journal/index.ts';
import { output, tempRoot } from '../journal/journal-rig.ts';
import { readScrape, type Scraped } from '../readers/measure/scraped.ts';
import { attemptFinished, attemptStarted, runFinished, runStarted, stepFinished } from '../runs/journal-of.ts';
import { until } from '../support/until.ts';

export function tempData(): DataFolder {
  return dataFolder(tempRoot());
}

export type RunningHub = Hub & { readonly lines: readonly string[] };

/** A hub on a free port that looks often; it is stopped when the test ends. */
export async function hubOf(data: DataFolder, more: Partial<HubOptions> = {}): Promise<RunningHub> {
  const lines: string[] = [];
  const start = await startHub({
    data,
    host: '127.0.0.1',
    port: 0,
    env: {},
    version: '9.9.9',
    ship: true,
    archive: false,
    retention: undefined,
    log: (line) => void lines.push(line),
    everyMs: { look: 20, housekeeping: 20 },
    ...more,
  });
  if (start.kind !== 'started') throw new Error(JSON.stringify(start));
  onTestFinished(start.hub.stop);
  return { ...start.hub, lines };
}

/** As Prometheus asks: its header says that this is a scrape. */
export async function scrape(url: string, accept = 'text/plain'): Promise<Scraped> {
  const headers = { accept, 'x-prometheus-scrape-timeout-seconds': '10' };
  const answer = await fetch(`${url}/metrics`, { headers });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  return readScrape(await answer.text());
}

/** Scrapes until the condition holds. @returns what it then was */
export async function scrapeUntil(url: string, holds: (scraped: Scraped) => boolean): Promise<Scraped> {
  const look = async (): Promise<Scraped | false> => {
    const scraped = await scrape(url);
    return holds(scraped) && scraped;
  };
  return until(look, { what: `metrics of which ${holds} holds`, everyMs: 10 });
}

export type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string };

/** One request with headers as they are given, also such that fetch would not send. */
export function ask(
  url: string,
  path: string,
  headers: Record<string, string | string[]> = {},
  method = 'GET',
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  // A connection of its own: a kept one can be closed by the server at the very moment of the next request.
  const agent = new Agent({ keepAlive: true });
  const options = { hostname: hostname.replace(/[[\]]/g, ''), port, path, method, headers, agent };
  return new Promise<Answer>((resolve, reject) => {
    const sent = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject);
    sent.end();
  }).finally(() => agent.destroy());
}

let seconds = 0;

/** Run ids of this very day, each a second later than the one before. */
export function nextRunId(agoMs = 3_600_000): RunId {
  return newRunId(new Date(Date.now() - agoMs + ++seconds * 1000));
}

export type WrittenRun = { readonly runId: RunId; readonly journal: JournalWriter };

/** A run that has begun and printed three lines. */
export function beginRun(
  data: DataFolder,
  runId = nextRunId(),
  fields: Parameters<typeof runStarted>[1] = {},
): WrittenRun {
  const journal = createJournal(data.runDir(runId), { archive: false });
  journal.event(runStarted(['build'], { runId, writer: processIdentity(), ...fields }));
  const subject = { step: 'build', attempt: 1 };
  journal.event({ type: 'step.started' }, subject);
  journal.event(attemptStarted, subject);
  journal.output(output('one\ntwo\nthree\n', { subject }));
  return { runId, journal };
}

export async function endRun({ journal }: WrittenRun, end: Event = runFinished()): Promise<void> {
  const subject = { step: 'build', attempt: 1 };
  journal.event(attemptFinished(), subject);
  journal.event(stepFinished(), subject);
  journal.event(end);
  await journal.close();
}
