// Long output and broken connections: a million lines in a bounded page, and a hub that goes away and comes back.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';
import { numbersOf, rowsOf, untilRows } from './terminal-text.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

test('a million lines open at their end, are scrolled, and any of them is shown, while the page stays small', async () => {
  const runId = await rig.run(`
name: long
steps:
  - id: flood
    run: seq -f 'line %.0f' 1 1000000
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('line 1000000'));
  const box = await page.locator('.screen').boundingBox();
  await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 100);
  for (let turn = 0; turn < 60; turn++) await page.mouse.wheel(0, -2_000);
  await untilRows(page, (rows) => rows.every((row) => row.startsWith('line ')) && Number(rows[0]?.slice(5)) < 998_000);
  const numbers = await numbersOf(page);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  await page.getByRole('button', { name: 'To the end' }).click();
  await untilRows(page, (rows) => rows.includes('line 1000000'));
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output?line=500000`);
  const middle = await untilRows(page, (rows) => /^line 499\d{3}|^line 500\d{3}/.test(rows[0] ?? ''));
  expect(middle.filter((row) => row !== '').length).toBeGreaterThan(10);
  // 5,000 lines are held at most; a page that kept them all would need hundreds of megabytes.
  const session = await context.newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { usedSize: number };
  expect(usedSize).toBeLessThan(40 * 1024 * 1024);
  await context.close();
});

test('a hub that is killed and started again is found again, and no line is missing or shown twice', async () => {
  const stop = `${rig.dataDir}-stop`;
  const { runId, ended } = await rig.start(`
name: steady
steps:
  - id: count
    run: i=0; while [ ! -e '${stop}' ]; do i=$((i+1)); echo "count $i"; sleep 0.02; done; echo 'count is over'
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.some((row) => row.startsWith('count ')));
  const before = (await rowsOf(page)).findLast((row) => row.startsWith('count ')) ?? '';
  await page.evaluate('window.stepspanMark = 1');
  await rig.hub.stop('SIGKILL');
  await page.locator('.banner').waitFor();
  await rig.restartHub();
  await page.locator('.banner').waitFor({ state: 'detached' });
  writeFileSync(stop, '');
  await ended;
  await untilRows(page, (rows) => rows.includes('count is over'));
  // The same page all along, and every number from the start to the end once, in order.
  expect(await page.evaluate('window.stepspanMark')).toBe(1);
  // Read upwards through what the page holds: going to the start would ask the server for it again, and hide a gap.
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/output?')) asked.push(request.url());
  });
  const seen: string[] = [];
  for (;;) {
    const rows = (await rowsOf(page)).filter((row) => row.startsWith('count '));
    seen.unshift(...rows.filter((row) => !seen.includes(row)));
    if (rows.includes('count 1')) break;
    await page.keyboard.press('PageUp');
    await untilRows(page, (now) => now[0] !== rows[0]);
  }
  expect(asked).toEqual([]);
  const expected = seen.map((_, index) => (index === seen.length - 1 ? 'count is over' : `count ${index + 1}`));
  expect(seen).toEqual(expected);
  expect(seen).toContain(before);
  await context.close();
});

test('a page that falls far behind a flood continues at the end, says what it skipped, and has it all to be read', async () => {
  const go = `${rig.dataDir}-flood`;
  const { runId, ended } = await rig.start(`
name: flood
steps:
  - id: flood
    run: echo 'at first'; while [ ! -e '${go}' ]; do sleep 0.05; done; seq -f 'line %.0f' 1 400000; echo 'at last'; while [ ! -e '${go}-end' ]; do sleep 0.05; done
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('at first'));
  // A page that is held by the debugger takes nothing, however long: its tail fills up and the server waits with the rest.
  const session = await context.newCDPSession(page);
  await session.send('Debugger.enable');
  await session.send('Debugger.pause');
  writeFileSync(go, '');
  const head = async (): Promise<number> => {
    const answer = await context.request.get(`${rig.hub.url}/api/v1/runs/${runId}`);
    return ((await answer.json()) as { nextSeq: number }).nextSeq;
  };
  await expect.poll(head).toBeGreaterThan(400_000);
  await session.send('Debugger.resume');
  await session.send('Debugger.disable');
  const foot = page.locator('.output-foot');
  await foot.getByText(/jumped [\d,]+ lines to keep up/).waitFor();
  await untilRows(page, (rows) => rows.includes('at last') && rows.includes('line 400000'));
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output?line=200000`);
  const middle = await untilRows(page, (rows) => /^line (199|200)\d{3}$/.test(rows[0] ?? ''));
  const numbers = middle.map((row) => Number(row.slice(5)));
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  writeFileSync(`${go}-end`, '');
  await ended;
  await page.locator('.run-title').getByText('succeeded').waitFor();
  await context.close();
});
