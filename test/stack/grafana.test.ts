// The dashboards in a real Grafana over a real Tempo, Loki, Prometheus and Collector, after real runs, as a person sees them in a
// browser: no error mark, no empty panel where data is, names at lone bars, tables in order, and links that lead there.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboards } from '../grafana/support/dashboards.ts';
import { needs } from './support/external-programs.ts';
import { type Grafana, startGrafana } from './support/grafana.ts';
import { type SampleStack, startSampleStack } from './support/sample-runs.ts';
import { eventually } from './support/service.ts';
import { startTempo, type Tempo, type TempoSpan } from './support/tempo.ts';

/** Pictures are kept here after the tests, as output of a CI job. */
const shots = path.resolve(
  process.env.STEPSPAN_SCREENSHOTS ?? path.join(import.meta.dirname, '../../test-output/screenshots'),
);

/** Grafana's script is some 10 MB, and takes its time on a machine that is busy with the tests beside this one. */
const PATIENCE_MS = 300_000;

const SECOND_NS = 1_000_000_000n;

/** A name with everything that queries and addresses give a meaning to. */
const oddName = `R&D "nightly" + 50% | it's`;
const odd = `name: ${JSON.stringify(oddName)}\nsteps: [{id: fails, run: exit 3}]\n`;

/** What is empty after the sample runs, by the sentence that says so. */
const expectedEmpty: Readonly<Record<string, readonly string[]>> = {
  'stepspan-overview': [
    'Nothing was denied or cut in this time',
    'Nothing was denied or cut in this time, or no hub is scraped',
    'No process was left behind, or no hub is scraped',
    'No line was changed, or no hub is scraped',
    'Nothing was reported, or no hub is scraped',
    'No request was made again, or no hub is scraped',
    'No call was denied, or no hub is scraped',
    'No edit was decided on, or no hub is scraped',
    'Nobody was asked, or no hub is scraped',
  ],
  'stepspan-run': [],
  'stepspan-logs': [],
  'stepspan-health': [
    'No secret was found, or no hub is scraped',
    'All values are shown, or no hub is scraped',
    'No alert was sent, or no hub is scraped',
  ],
};

describe('in a real Grafana', { ...needs('grafana', 'tempo', 'loki'), timeout: 2 * PATIENCE_MS }, () => {
  let tempo: Tempo;
  let sample: SampleStack;
  let grafana: Grafana;
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(shots, { recursive: true });
    tempo = await startTempo();
    sample = await startSampleStack({ tempo });
    await sample.stack.run(['run', sample.stack.writeWorkflow('odd', odd), '--shared', '--ship-wait', '60s']);
    await eventually('the odd run in Loki', async () => {
      const query = `{service_name="stepspan-events"} | stepspan_event="run.finished" | cicd_pipeline_name=\`${oddName}\``;
      return (await sample.stack.loki.count(query)) === 1 ? true : undefined;
    });
    await eventually('the odd run in Prometheus', async () => {
      const [ended] = await sample.prometheus.query(
        `stepspan_runs_total{workflow=\`${oddName}\`, outcome="failure"} > 0`,
      );
      return ended === undefined ? undefined : true;
    });
    grafana = await startGrafana({
      addresses: {
        'prometheus:9090': new URL(sample.prometheus.url).host,
        'loki:3100': new URL(sample.stack.loki.url).host,
        'tempo:3200': new URL(tempo.url).host,
        'alertmanager:9093': '127.0.0.1:9',
      },
    });
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
    });
  }, 2 * PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await grafana?.remove();
    await sample?.close();
    await tempo?.remove();
  });

  /** So high that every panel is in view: Grafana asks only for those. */
  const everything = { width: 1440, height: 8000 };

  type Opening = { readonly viewport?: typeof everything; readonly waitFor?: string };

  /** @param opening.waitFor a text that the page shows; without it the title of the last panel, which has to be in view */
  async function open(address: string, { viewport = everything, waitFor }: Opening = {}): Promise<Page> {
    const page = await browser.newPage({ viewport });
    const answers = new Set<string>();
    page.on('response', (response) => {
      if (response.status() >= 400 && !response.url().includes('/api/live/')) {
        answers.add(`${response.status()} ${response.url()}`);
      }
    });
    let waiting = 0;
    const count = (by: number) => (request: { url(): string }) => {
      if (request.url().includes('/api/')) waiting += by;
    };
    page.on('request', count(1));
    page.on('requestfinished', count(-1));
    page.on('requestfailed', count(-1));
    const uid = /\/d\/([\w-]+)/.exec(address)?.[1];
    const last = dashboards.find((each) => each.uid === uid)?.panels.at(-1)?.title ?? '';
    await page.goto(`${grafana.url}${address}`, { waitUntil: 'domcontentloaded', timeout: PATIENCE_MS });
    await page
      .getByText(waitFor ?? last, { exact: true })
      .first()
      .waitFor({ timeout: PATIENCE_MS });
    // Answers come one after the other, and each is drawn after it has come: quiet is several looks without a question.
    let quiet = 0;
    await eventually(
      `no answer of ${address} is awaited`,
      async () => {
        await page.waitForTimeout(200);
        quiet = waiting === 0 ? quiet + 1 : 0;
        return quiet > 10 ? true : undefined;
      },
      PATIENCE_MS,
    );
    expect([...answers], address).toEqual([]);
    return page;
  }

  // biome-ignore lint/performance/useDomNodeTextContent: the text as it is laid out, a line for each cell and panel.
  const textOf = (page: Page): Promise<string> => page.locator('body').innerText();
  /** Of Grafana before and since 9.5. */
  const errorMarks = (page: Page) =>
    page.locator('.panel-info-corner--error, [data-testid="data-testid Panel status error"]').count();

  const review = () => sample.runs.review[0]!;
  const addressOf = (uid: string): string =>
    uid === 'stepspan-run'
      ? `/d/${uid}?kiosk&refresh=1d&from=now-15m&to=now&var-run=${review().runId}&var-trace=${review().traceId}`
      : `/d/${uid}?kiosk&refresh=1d&from=now-15m&to=now`;

  test.each(dashboards)('$title shows data in every panel that has some, and no error', async ({ uid, panels }) => {
    const sentences = new Set(panels.map(({ fieldConfig }) => fieldConfig?.defaults.noValue));
    const unexpected = (text: string): readonly string[] =>
      text.split('\n').filter((line) => sentences.has(line) && !expectedEmpty[uid]!.includes(line));
    // Points of a graph are up to a minute apart, and the runs may be younger than that.
    const page = await eventually(
      `${uid} has data in every panel`,
      async () => {
        const opened = await open(addressOf(uid));
        if (unexpected(await textOf(opened)).length === 0) return opened;
        await opened.close();
        return undefined;
      },
      PATIENCE_MS,
    );
    await page.screenshot({ path: path.join(shots, `grafana-${uid}.png`) });
    expect(await errorMarks(page)).toBe(0);
    // What is empty here is a table without rows, which Grafana 9 does not show the sentence of.
    const empty = (await textOf(page)).split('\n').filter((line) => /^No data/.test(line.trim())).length;
    expect(empty).toBeLessThanOrEqual(uid === 'stepspan-overview' ? 1 : 0);
    await page.close();
  });

  test.each(dashboards)(
    '$title fits on 1440 and on 1000 pixels, in pictures of its first screen',
    async ({ uid, panels }) => {
      const first = panels.find(({ type }) => type !== 'row')!.title;
      for (const width of [1440, 1000]) {
        const page = await open(addressOf(uid), { viewport: { width, height: 1250 }, waitFor: first });
        const tooWide = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
        expect(tooWide, `${uid} at ${width}`).toBeLessThanOrEqual(0);
        await page.screenshot({ path: path.join(shots, `${uid.replace('stepspan', 'dashboard')}-${width}.png`) });
        await page.close();
      }
    },
  );

  /** All that Tempo has of the trace of that run, once the root has come. */
  const spansOfReview = (): Promise<readonly TempoSpan[]> =>
    eventually(
      'the trace of the review in Tempo',
      async () => {
        const spans = await tempo.spansOf(review().traceId);
        return spans.some(({ name }) => name === 'RUN review') ? spans : undefined;
      },
      PATIENCE_MS,
    );

  test('every kind of span has lines in its time, by the query of the data source', async () => {
    const { query } = (await grafana.source('stepspan-tempo')).jsonData.tracesToLogsV2 as { query: string };
    const logql = query.replace(/\$\{__trace\.traceId\}/, review().traceId);
    const spans = await spansOfReview();
    for (const kind of [
      /^RUN review$/,
      /^run\.started$/,
      /^flaky$/,
      /^flaky attempt 1$/,
      /^flaky attempt 2$/,
      /^invoke_agent/,
      /^chat/,
      /^execute_tool/,
    ]) {
      const ofKind = spans.filter(({ name }) => kind.test(name));
      expect(ofKind.length, String(kind)).toBeGreaterThan(0);
      for (const { startNs, endNs } of ofKind) {
        const range = { startNs: startNs - SECOND_NS, endNs: endNs + SECOND_NS };
        expect(await sample.stack.loki.count(logql, range), String(kind)).toBeGreaterThan(0);
      }
    }
  });

  test('every line and event of a run has the id of a span in its trace', async () => {
    const spans = new Set((await spansOfReview()).map(({ spanId }) => spanId));
    const query = `{service_name=~"stepspan|stepspan-events"} | trace_id="${review().traceId}"`;
    const lines = await sample.stack.loki.entries(query);
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter(({ metadata }) => !spans.has(metadata.span_id ?? '')).map(({ line }) => line)).toEqual([]);
  });

  test('the exemplar of a metric names a span of a run, and each trace that one names is there', async () => {
    const found = await sample.prometheus.exemplars('stepspan_step_duration_seconds_bucket{workflow="review"}');
    const spans = new Set((await spansOfReview()).map(({ spanId }) => spanId));
    const ofReview = found.filter(({ labels }) => labels.trace_id === review().traceId);
    expect(ofReview.length).toBeGreaterThan(0);
    expect(ofReview.filter(({ labels }) => !spans.has(labels.span_id ?? ''))).toEqual([]);
  });

  test('the table of failed runs is newest first, and a run of it leads to its dashboard, whatever its name is', async () => {
    const page = await open(addressOf('stepspan-overview'));
    const text = await textOf(page);
    const table = text.slice(text.indexOf('Which runs failed?'), text.indexOf('Which runs succeeded with warnings?'));
    const ids = [...table.matchAll(/\d{8}-\d{6}-[a-z0-9]{6}/g)].map(([id]) => id);
    const ends = [...table.matchAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g)].map(([time]) => time);
    expect(ids.length).toBeGreaterThan(3);
    expect(ends).toEqual([...ends].sort().reverse());
    expect(table).toContain(oddName);
    expect(table).toContain('exit code 3');
    // The newest is the odd one; its cell has a menu of links.
    await page.getByText(ids[0]!, { exact: true }).first().click();
    const href = await page.locator('a', { hasText: 'Show this run' }).first().getAttribute('href');
    await page.close();
    const run = await open(`${new URL(href!, grafana.url).pathname}${new URL(href!, grafana.url).search}&kiosk`);
    expect(await textOf(run)).toMatch(/Result\s+failure/);
    expect(await errorMarks(run)).toBe(0);
    await run.close();
  });

  test('a workflow of any name can be chosen, and leads to its logs', async () => {
    const page = await open(`${addressOf('stepspan-overview')}&var-workflow=${encodeURIComponent(oddName)}`);
    const text = await textOf(page);
    expect(await errorMarks(page)).toBe(0);
    const table = text.slice(text.indexOf('Which runs failed?'), text.indexOf('Which runs succeeded with warnings?'));
    expect(table.match(/\d{8}-\d{6}-[a-z0-9]{6}/g)).toHaveLength(1);
    await page.close();
    const logs = await open(`${addressOf('stepspan-logs')}&var-workflow=${encodeURIComponent(oddName)}`);
    expect(await textOf(logs)).toContain('exit code 3');
    await logs.close();
  });

  test('a lone bar has its name, and a run that is active its result, its steps and its time', async () => {
    const ended = await open(addressOf('stepspan-run'));
    const text = await textOf(ended);
    expect(text).toMatch(/Which tools were called\?\s+Bash\s+2/);
    expect(text).toMatch(/Result\s+success/);
    await ended.close();
    const active = await open(`/d/stepspan-run?kiosk&refresh=1d&from=now-15m&to=now&var-run=${sample.active.runId}`);
    await active.screenshot({ path: path.join(shots, 'grafana-run-active.png') });
    const live = await textOf(active);
    expect(live).toMatch(/Result\s+running/);
    expect(live).toMatch(/Duration\s+[\d.]+/);
    expect(await errorMarks(active)).toBe(0);
    await active.close();
  });

  test('logs no error about what it is provisioned with', () => {
    const lines = grafana.output().split('\n');
    // Legacy notification channels are gone since Grafana 11; 9 looks for their folder.
    const errors = lines.filter(
      (line) => /logger=provisioning/.test(line) && /level=error/.test(line) && !/notifiers/.test(line),
    );
    expect(errors).toEqual([]);
  });
});
