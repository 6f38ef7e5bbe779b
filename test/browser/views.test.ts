// What is looked at beside the output: the timeline and its zoom, the charts, links to elsewhere; and what of the output is
// about how it is read: wrapping, and reaching any line by keys alone. On one run that was.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';
import { numbersOf, rowMarked, rowsOf, untilRows } from './terminal-text.ts';

const work = `
name: work
steps:
  - id: burn
    name: Burn
    run: node -e "const held = Buffer.alloc(64e6, 1); const end = Date.now() + 2500; while (Date.now() < end); console.log(held.length)"
  - id: talk
    name: Talk
    needs: burn
    run: for i in $(seq 1 60); do echo "line $i"; done; printf 'long'; printf ' word%03d' $(seq 1 60); echo ' end of the long line'
  - id: shaky
    name: Shaky
    needs: talk
    retries: { max: 1, delay: 100ms }
    run: exit 1
`;

let rig: Rig;
let runId: string;
beforeAll(async () => {
  rig = await startRig({
    env: { API_TOKEN: 'k7Hq2LmZp9XwR4tY' },
    hubEnv: {
      STEPSPAN_GRAFANA_URL: 'http://grafana.example:3000',
      STEPSPAN_LOGS_LINK: 'https://logs.example/{runId}',
    },
  });
  runId = await rig.run(work);
});
afterAll(() => rig.close());

test('the timeline is zoomed by buttons, keys and wheel, moved, and shown whole again', async () => {
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/timeline`);
  const row = (name: string) => page.locator('.rows .row').filter({ has: page.getByText(name, { exact: true }) });
  await row('Talk').locator('.span').waitFor();
  await row('Waiting to retry').locator('.span').waitFor();
  expect(await page.locator('.rows .k-attempt.row').count()).toBe(2);
  const left = async (): Promise<number | undefined> => (await row('Burn').locator('.span').first().boundingBox())?.x;
  const shown = page.locator('.timeline .toolbar .shown');
  const all = '7 spans';
  await expect.poll(() => shown.textContent()).toBe(all);
  const leftBefore = await left();
  const whole = page.getByRole('button', { name: 'Whole run' });
  expect(await whole.isDisabled()).toBe(true);

  await page.getByRole('button', { name: 'Zoom in' }).click();
  await expect.poll(() => shown.textContent()).toMatch(/ shown, 7 spans$/);
  await page.getByRole('button', { name: 'Zoom out' }).click();
  await expect.poll(() => shown.textContent()).toBe(all);
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  const quarter = await shown.textContent();
  // What is in the middle stays in the middle, so the end of the run is beyond the edge until one moves there.
  const last = row('Attempt 2').locator('.span');
  expect(await last.count()).toBe(0);
  for (let move = 0; move < 16; move++) await page.keyboard.press('Shift+ArrowRight');
  await last.waitFor();
  expect(await shown.textContent()).toBe(quarter);

  await whole.click();
  await expect.poll(() => shown.textContent()).toBe(all);
  const track = await row('Burn').locator('.track').boundingBox();
  await page.mouse.move(leftBefore ?? 0, (track?.y ?? 0) + 5);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -300);
  await page.keyboard.up('Control');
  await expect.poll(() => shown.textContent()).not.toBe(all);
  // The start of the step is below the pointer, and stays there.
  expect(Math.abs(((await left()) ?? 0) - (leftBefore ?? 0))).toBeLessThan(3);
  await context.close();
});

test('CPU and memory are drawn a line a step, with their peak in words, and of one step where it is chosen', async () => {
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/resources`);
  const cpu = page.locator('figure', { hasText: 'CPU' });
  const memory = page.locator('figure', { hasText: 'Memory' });
  await cpu.locator('canvas').waitFor();
  await cpu.getByText(/at most \d\.\d\d cores, Burn at \d/).waitFor();
  const [, mebibytes] =
    /at most ([\d.]+) MiB, Burn/.exec((await memory.locator('figcaption').textContent()) ?? '') ?? [];
  expect(Number(mebibytes)).toBeGreaterThan(61);
  await cpu.locator('.u-legend', { hasText: 'Burn' }).waitFor();
  // Something is really drawn: a canvas that is empty has no pixel in the colour of the step.
  const drawn = await page.evaluate(`(() => {
    const canvas = document.querySelector('figure canvas');
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let blue = 0;
    for (let at = 0; at < pixels.length; at += 4) if (pixels[at] === 0x4f && pixels[at + 2] === 0xf0) blue += 1;
    return blue;
  })()`);
  expect(drawn).toBeGreaterThan(50);
  await page.getByRole('button', { name: /^Talk/ }).click();
  await page.getByRole('heading', { name: 'No samples' }).waitFor();
  await page.getByRole('button', { name: /^Burn/ }).click();
  await cpu.locator('canvas').waitFor();
  await context.close();
});

test('leads to the trace and the logs of the run, where they are set up', async () => {
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  const trace = page.getByRole('link', { name: 'trace' });
  const { traceId } = (await (await page.request.get(`${rig.hub.url}/api/v1/runs/${runId}`)).json()) as {
    traceId: string;
  };
  const href = new URL((await trace.getAttribute('href')) ?? '');
  expect([href.origin, decodeURIComponent(href.href).includes(traceId)]).toEqual(['http://grafana.example:3000', true]);
  expect(await page.getByRole('link', { name: 'logs' }).getAttribute('href')).toBe(`https://logs.example/${runId}`);
  // A page of another site gets no handle on this one, and does not learn where it was.
  expect(await trace.getAttribute('rel')).toBe('noopener noreferrer');
  await context.close();
});

test('long lines are wrapped or cut, and the page remembers which', async () => {
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.some((row) => row.includes('end of the long line')));
  await page.getByRole('button', { name: 'Wrap long lines' }).click();
  const cut = await untilRows(page, (rows) => !rows.some((row) => row.includes('end of the long line')));
  expect(cut.some((row) => row.startsWith('long word001'))).toBe(true);
  await page.locator('.screen').focus();
  for (let press = 0; press < 60; press++) await page.keyboard.press('ArrowRight');
  await untilRows(page, (rows) => rows.some((row) => row.includes('end of the long line')));
  await page.reload();
  await untilRows(page, (rows) => rows.some((row) => row.startsWith('long word001')));
  await page.keyboard.press('w');
  await untilRows(page, (rows) => rows.some((row) => row.includes('end of the long line')));
  await context.close();
});

test('each line is reached with Tab and arrows, and its link with Enter', async () => {
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('line 60'));
  await page.getByRole('link', { name: 'Download the output' }).focus();
  await page.keyboard.press('Tab');
  const focused = (): Promise<string> => page.evaluate('document.activeElement.dataset.seq');
  const numbers = await numbersOf(page);
  expect(await focused()).toBe(String(numbers[0]));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  expect(await focused()).toBe(String(numbers[2]));
  for (let press = 0; press < 5; press++) await page.keyboard.press('ArrowUp');
  // Past the first line on the screen the output moves.
  await expect.poll(async () => (await numbersOf(page))[0]).toBeLessThan(numbers[0] ?? 0);
  await page.keyboard.press('Enter');
  // Which one it is depends on how far the output has moved by then.
  await page.waitForURL(/line=\d+/);
  const [, linked] = /line=(\d+)/.exec(page.url()) ?? [];
  expect(Number(linked)).toBeLessThan(numbers[0] ?? 0);
  await page.locator(`.gutter .marked a[data-seq="${linked}"]`).waitFor();
  // The next Tab leaves the numbers.
  await page.keyboard.press('Tab');
  expect(await page.evaluate("document.activeElement.closest('.gutter') === null")).toBe(true);
  expect((await rowsOf(page)).length).toBeGreaterThan(10);
  await context.close();
});

test('alerts stand newest first with their time, and lead to what was printed then', async () => {
  const own = await rig.run(`
name: alarming
steps:
  - id: print
    name: Print
    run: for i in $(seq 1 200); do echo "before $i"; done; sleep 0.2; echo "it is $API_TOKEN"; sleep 0.2; for i in $(seq 1 200); do echo "after $i"; done
  - id: leave
    name: Leave
    needs: print
    run: setsid sleep 300 & sleep 0.3; echo left
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${own}/alerts`);
  const alerts = page.locator('.alert');
  await alerts.first().waitFor();
  expect(await alerts.locator('strong').allTextContents()).toEqual([
    'alarming: step leave left 1 process running',
    'alarming: step print printed or used what looks like a secret',
  ]);
  const times = await alerts
    .locator('time')
    .evaluateAll((all) => all.map((time) => Date.parse(time.getAttribute('datetime') ?? '')));
  expect(times[0]).toBeGreaterThan(times[1] ?? 0);
  expect(Math.abs(Date.now() - (times[0] ?? 0))).toBeLessThan(600_000);
  await alerts.nth(1).getByRole('link', { name: 'Output at that time' }).click();
  await page.locator('.gutter .marked').waitFor();
  // The line itself or one beside it: the alert is a record of its own, next to the line that it is about.
  const marked = await rowMarked(page);
  expect(marked).toMatch(/^it is \[|^before 200$|^after 1$/);
  expect(page.url()).toMatch(/line=\d+$/);
  await context.close();
});
