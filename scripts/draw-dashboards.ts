// Pictures of the dashboards for the README: real runs into the real Prometheus and Loki (as in the stack tests), every query
// of a dashboard asked there, and the answers drawn by our own few lines of SVG in Chromium. No Grafana runs here, so Grafana's
// own look differs; the numbers do not. `node scripts/draw-dashboards.ts ANSWERS.json` keeps the answers there, or draws
// from a file that already has them.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { dashboards, queriesOf } from '../test/grafana/support/dashboards.ts';
import { type Answer, ask } from '../test/stack/support/ask-panels.ts';
import { type SampleRun, startSampleStack, workflows } from '../test/stack/support/sample-runs.ts';
import { type Answers, answersFromJson, answersToJson, pageOf } from './draw-dashboards/page.ts';

const images = path.resolve(import.meta.dirname, '../docs/images');

/** How far down each dashboard is drawn, by the title of the first row that is not: a picture of all of it would be unreadable. */
const pictures = [
  { uid: 'stepspan-overview', until: 'Cost and tokens', file: 'dashboard-overview.png' },
  { uid: 'stepspan-run', until: 'Output', file: 'dashboard-run.png' },
] as const;

/** Minutes would be seconds here; a bar should be no shorter than what its rate looks over. */
const barSeconds = 8;

async function answersFromRealRuns(): Promise<Answers> {
  const sample = await startSampleStack();
  try {
    // The sample has one run for each way to end; in a picture most of them should succeed, as they do with people.
    const review = sample.stack.writeWorkflow('review', workflows.review);
    for (let more = 0; more < 5; more++)
      await sample.stack.run(['run', review, '--shared', '--json', '--ship-wait', '60s']);
    for (let scrapes = 0; scrapes < 3; scrapes++) await sample.prometheus.scraped();
    const [shown] = sample.runs.review;
    if (shown === undefined) throw new Error('the sample has no run to show');
    const { runId: run } = shown;
    const answers: Record<string, Answer> = {};
    for (const dashboard of dashboards) {
      for (const asked of queriesOf(dashboard).filter(({ language }) => language !== 'traceql')) {
        const values = { run: dashboard.uid === 'stepspan-run' ? run : '.*' };
        answers[asked.name] = await ask(sample, asked, values, asked.panel?.interval === '1m' ? barSeconds : 1);
      }
    }
    const secondsOf = ({ records }: SampleRun) => records.map(({ timeNs }) => Number(timeNs / 1_000_000n) / 1000);
    const of = secondsOf(shown);
    return {
      answers,
      run,
      spans: {
        'stepspan-overview': { from: Math.min(...sample.all.flatMap(secondsOf)) - 1, to: Date.now() / 1000 },
        'stepspan-run': { from: Math.min(...of) - 0.5, to: Math.max(...of) + 1 },
      },
    };
  } finally {
    await sample.close();
  }
}

const file = process.argv[2];
const kept = file !== undefined && existsSync(file) ? answersFromJson(readFileSync(file, 'utf8')) : undefined;
const answers = kept ?? (await answersFromRealRuns());
if (file !== undefined && kept === undefined) writeFileSync(file, answersToJson(answers));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  for (const { uid, until, file: name } of pictures) {
    const dashboard = dashboards.find((each) => each.uid === uid);
    if (dashboard === undefined) throw new Error(`there is no dashboard ${uid}`);
    const page = await browser.newPage({ viewport: { width: 1440, height: 400 }, deviceScaleFactor: 1 });
    await page.setContent(pageOf(dashboard, until, answers));
    await page.screenshot({ path: path.join(images, name), fullPage: true });
    await page.close();
  }
} finally {
  await browser.close();
}
