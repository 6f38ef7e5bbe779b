// Reads what the page shows of the output: the rows of the terminal as text, top to bottom.
import type { Page } from 'playwright-core';

export async function rowsOf(page: Page): Promise<readonly string[]> {
  const rows = await page.locator('.xterm-rows > div').allTextContents();
  return rows.map((row) => row.replaceAll('\u00a0', ' ').trimEnd());
}

/** Waits until the rows are what is wanted, and fails with what they were. */
export async function untilRows(page: Page, wanted: (rows: readonly string[]) => boolean): Promise<readonly string[]> {
  const deadline = Date.now() + 100_000;
  for (;;) {
    const rows = await rowsOf(page);
    if (wanted(rows)) return rows;
    if (Date.now() > deadline) throw new Error(`the terminal shows:\n${rows.join('\n')}`);
    await page.waitForTimeout(50);
  }
}

/** The numbers in the journal of the lines on the screen. */
export async function numbersOf(page: Page): Promise<readonly number[]> {
  const links = page.locator('.gutter a');
  return links.evaluateAll((all) => all.map((link) => Number(link.getAttribute('data-seq'))));
}

/** The row whose line the page has marked. */
export async function rowMarked(page: Page): Promise<string | undefined> {
  const marks = await page.locator('.gutter li').evaluateAll((all) => all.map((each) => each.className.split(' ')[0]));
  return (await rowsOf(page))[marks.indexOf('marked')];
}
