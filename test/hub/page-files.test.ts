// What the server of the live page sends a browser, from a folder as the build makes it.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { pageFiles } from '../../src/hub/page-files.ts';
import { tempRoot } from '../journal/journal-rig.ts';

const script = 'console.log("page");\n'.repeat(200);

async function served(): Promise<string> {
  const folder = tempRoot();
  mkdirSync(path.join(folder, 'assets'));
  writeFileSync(path.join(folder, 'index.html'), '<script src="assets/index.js"></script>');
  writeFileSync(path.join(folder, 'assets/index.js'), script);
  writeFileSync(path.join(folder, 'assets/index.js.gz'), gzipSync(script));
  const files = pageFiles(folder);
  if (files === undefined) throw new Error('the page is not found');
  const server = express().use(files).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

/** fetch unpacks the body. */
async function bodyOf(url: string, encoding: string) {
  const answer = await fetch(url, { headers: { 'accept-encoding': encoding } });
  return { headers: answer.headers, text: await answer.text() };
}

test('sends scripts compressed to who takes that, for ever, and as they are to others', async () => {
  const url = `${await served()}/assets/index.js`;
  const packed = await bodyOf(url, 'gzip');
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(packed.headers.get('content-type')).toMatch(/^text\/javascript/);
  expect(packed.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(packed.headers.get('vary')).toMatch(/Accept-Encoding/i);
  expect(packed.text).toBe(script);
  const plain = await bodyOf(url, 'identity');
  expect(plain.headers.get('content-encoding')).toBeNull();
  expect(plain.text).toBe(script);
});

test('sends the page itself to browsers, to be asked for again, and nothing to who wants text', async () => {
  const url = await served();
  const page = await fetch(url, { headers: { accept: 'text/html' } });
  expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-cache']);
  expect((await fetch(url, { headers: { accept: 'text/plain' } })).status).toBe(404);
});
