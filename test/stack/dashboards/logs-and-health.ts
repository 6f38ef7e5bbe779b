// The Logs dashboard on the lines of all sample runs, and the one of the telemetry on the stack that they went through.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { metrics } from '../../../src/readers/measure/catalogue.ts';
import {
  answerTo,
  ended,
  endedOnly,
  last,
  linesFor,
  most,
  pointsOf,
  printed,
  sampleStack,
  tally,
  valuesOf,
} from './questions.ts';

const inLogs = (title: string, ref = 'A') => `stepspan-logs / ${title} / ${ref}`;
const of = (line: ReturnType<typeof printed>[number]) =>
  [line.run.workflow, line.step === '' ? '(run)' : line.step].join(' ');
const ten = (counts: Record<string, number>) =>
  Object.values(counts)
    .sort((a, b) => b - a)
    .slice(0, 10);

export function logsTests(): void {
  describe('the Logs dashboard', () => {
    test('counts the lines of all runs, by severity and by who printed them', async () => {
      const lines = printed(ended());
      const errors = lines.filter(({ severity }) => severity === 'ERROR' || severity === 'FATAL');
      expect(errors.length).toBeGreaterThanOrEqual(3);
      expect(await valuesOf(inLogs('Lines'), endedOnly)).toEqual({ '': lines.length });
      expect(await valuesOf(inLogs('Errors'), endedOnly)).toEqual({ '': errors.length });
      const { '': bytes } = await valuesOf(inLogs('Bytes'), endedOnly);
      expect(bytes).toBeGreaterThan(lines.length);
      expect(bytes).toBeLessThanOrEqual(lines.reduce((sum, line) => sum + line.bytes, 0));
      const volume = await pointsOf(inLogs('How many lines are there?'), most);
      expect(Object.keys(volume)).toEqual(expect.arrayContaining([...new Set(lines.map(({ severity }) => severity))]));
      const loudest = tally(lines.map(of));
      const seen = await valuesOf(inLogs('Who prints most?'), endedOnly);
      expect(Object.values(seen).sort((a, b) => b - a)).toEqual(ten(loudest));
      for (const [name, count] of Object.entries(seen)) expect(loudest[name], name).toBe(count);
      expect(await valuesOf(inLogs('Who prints the most errors?'), endedOnly)).toEqual(tally(errors.map(of)));
    });

    test('finds lines by text, run, step and severity', async () => {
      const found = inLogs('Which lines match?');
      expect(await linesFor(found, endedOnly)).toHaveLength(printed(ended()).length);
      expect((await linesFor(found, { search: '(?i)NO ROUTE' })).map(({ line }) => line)).toEqual(
        sampleStack().runs.deploy.map(() => 'deploy · push | ERROR no route to host'),
      );
      const [deploy] = sampleStack().runs.deploy;
      expect(await linesFor(found, { run: deploy!.runId, step: 'push', severity: 'ERROR' })).toHaveLength(
        printed([deploy!]).filter(({ step, severity }) => step === 'push' && severity === 'ERROR').length,
      );
      const [line] = await linesFor(found, { run: deploy!.runId, step: 'push', search: 'no route' });
      expect(line?.metadata.trace_id).toBe(deploy!.traceId);
    });
  });
}

const inHealth = (title: string, ref = 'A') => `stepspan-health / ${title} / ${ref}`;
const zeros = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 0]));

export function healthTests(): void {
  describe('the dashboard of the telemetry', () => {
    test('sees what was shipped, and that nothing was left out', async () => {
      for (const title of ['How far behind is shipping?', 'How much is not yet sent?']) {
        expect(Object.keys(await pointsOf(inHealth(title), last)).sort()).toEqual(['logs', 'traces']);
      }
      for (const title of ['Records sent', 'Bytes sent']) {
        const sent = await pointsOf(inHealth(title), most);
        expect(sent.logs, title).toBeGreaterThan(0);
        expect(sent.traces, title).toBeGreaterThan(0);
      }
      expect(await pointsOf(inHealth('Are requests retried?'), most)).toEqual(zeros('logs', 'traces'));
      expect(await valuesOf(inHealth('Did a backend refuse records?'))).toEqual(
        zeros('logs refused', 'traces refused', 'logs rejected', 'traces rejected'),
      );
      for (const ref of ['A', 'B'])
        expect(Object.keys(await pointsOf(inHealth('Runs at the shipper', ref), last))).toEqual(['']);
    });

    test('sees no loss if nothing was lost', async () => {
      const causes = zeros('disk', 'retention', 'size');
      expect(await valuesOf(inHealth('Were lines lost?'))).toEqual(causes);
      expect(await valuesOf(inHealth('Were events lost?'))).toEqual(causes);
      const unread = await valuesOf(inHealth('Was anything removed unread?'));
      expect(Object.values(unread).filter((count) => count !== 0)).toEqual([]);
      expect(await valuesOf(inHealth('Was a journal damaged?'))).toEqual(zeros('corrupt', 'gap', 'unknown_record'));
    });

    test('knows journals, readers and the hub', async () => {
      // A hub measures its data folder once a minute: what it last saw may be the folder when nothing was in it yet.
      const { '': size } = await pointsOf(inHealth('How large are the journals?'), last);
      expect(size).toBeGreaterThanOrEqual(0);
      expect(size).toBeLessThanOrEqual(journalBytes());
      const { '': free } = await pointsOf(inHealth('How much disk is free?'), last);
      expect(free).toBeGreaterThan(0);
      expect(free).toBeLessThan(1);
      expect(Object.keys(await pointsOf(inHealth('Segments'), last)).sort()).toEqual(['archived', 'raw']);
      expect(Object.keys(await pointsOf(inHealth('Which readers are behind?'), last))).toEqual(
        expect.arrayContaining(['ship-logs', 'ship-traces']),
      );
      expect(await valuesOf(inHealth('Stored runs'))).toEqual({ '': sampleStack().all.length });
      expect(await valuesOf(inHealth('Runs removed'))).toEqual({ '': 0 });
      expect(await valuesOf(inHealth('Bytes removed'))).toEqual({ '': 0 });
      expect(Object.keys(await valuesOf(inHealth('Segments compressed')))).toEqual(['']);
      expect(await valuesOf(inHealth('Segments put into the archive'))).toEqual({ '': 0 });
      expect(await valuesOf(inHealth('Put into the archive'))).toEqual({ '': 0 });
      expect(Object.values(await valuesOf(inHealth('Which versions of stepspan are there?')))).toEqual([1]);
      expect(await valuesOf(inHealth('Runs not counted yet'))).toEqual({ '': 0 });
      expect(Object.keys(await valuesOf(inHealth('Saved by compression')))).toEqual(['']);
      expect(Object.keys(await valuesOf(inHealth('Repaired journals')))).toEqual(['']);
      const errors = await pointsOf(inHealth('Which tasks of the hub failed?'), most);
      expect(Object.keys(errors).sort()).toEqual(tasks());
      expect(Object.values(errors).every((count) => count === 0)).toBe(true);
      expect(await valuesOf(inHealth('Abandoned runs'))).toEqual({ '': sampleStack().runs.orphan.length });
      const { '': uptime } = await valuesOf(inHealth('Hub up for'));
      expect(uptime).toBeGreaterThan(5);
      expect(uptime).toBeLessThan(600);
      expect(await valuesOf(inHealth('Hidden secrets'))).toEqual({});
      expect(Object.keys(await valuesOf(inHealth('Unknown Claude metrics')))).toEqual(['']);
      expect(await valuesOf(inHealth('Are there too many label values?'))).toEqual({});
    });

    test('knows who watches, and what became of alerts', async () => {
      expect(await pointsOf(inHealth('How many people watch?'), most)).toEqual({ '': 0 });
      expect(await pointsOf(inHealth('Do watchers lag?'), most)).toEqual({ '': 0 });
      expect(await pointsOf(inHealth('How much do watchers read?'), most)).toEqual({ '': 0 });
      expect(await valuesOf(inHealth('Skipped lines'))).toEqual({ '': 0 });
      // No receiver is set here.
      expect(await valuesOf(inHealth('Waiting alerts'))).toEqual({ '': 0 });
      expect(await valuesOf(inHealth('Did alerts arrive?'))).toEqual({});
    });

    test('knows the Collector behind it', async () => {
      // Loki, Tempo and Alertmanager are not scraped here.
      const up = await answerTo(inHealth('What is up?'));
      expect(up.kind === 'instant' && up.rows.map(({ labels, value }) => `${labels.job} ${value}`).sort()).toEqual([
        'otel-collector 1',
        'stepspan 1',
      ]);
      expect(Object.values(await pointsOf(inHealth('When was what down?'), last))).toEqual([1]);
      expect(Object.keys(await pointsOf(inHealth('What waits for a backend?'), most))).toHaveLength(2);
      const queues = await pointsOf(inHealth('How full are the queues?'), most);
      expect(Object.keys(queues)).toHaveLength(2);
      for (const share of Object.values(queues)) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThan(1);
      }
      for (const ref of ['A', 'B'])
        expect((await pointsOf(inHealth('What does the Collector receive?', ref), most))['']).toBeGreaterThan(0);
      // The series of an exporter exists only after its first failure; until then there is a 0.
      for (const ref of ['A', 'B'])
        expect(await pointsOf(inHealth('Does the Collector drop anything?', ref), most)).toEqual({ '': 0 });
    });
  });
}

/** On the disk, now. */
function journalBytes(): number {
  const { dataDir } = sampleStack().stack;
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.parentPath.endsWith('journal'))
    .reduce((sum, file) => sum + statSync(path.join(file.parentPath, file.name)).size, 0);
}

/** As the catalogue has them. */
function tasks(): string[] {
  const { task } = metrics.hubErrors.labels;
  return task.kind === 'fixed' ? [...task.values].sort() : [];
}
