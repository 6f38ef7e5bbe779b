// Small files that exist whole or not at all: what a full disk leaves of them, and who wins if several processes make one at once.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { makeFile, replaceFile, replaceFileUnsynced } from '../../src/journal/index.ts';
import { tempRoot } from './journal-rig.ts';

/** Lets the next write beside `path` meet a full disk. */
function fillDisk(path: string): void {
  symlinkSync('/dev/full', `${path}.${process.pid}.tmp`);
}

describe.each([
  ['replaceFile', replaceFile],
  ['replaceFileUnsynced', async (path: string, text: string) => replaceFileUnsynced(path, text)],
])('%s', (_, replace) => {
  test('puts the new text in the place of the old, for the owner only, and leaves nothing beside it', async () => {
    const root = tempRoot();
    const path = join(root, 'a.json');
    writeFileSync(path, 'old and longer');
    await replace(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(root)).toEqual(['a.json']);
  });

  test('keeps the old file whole and leaves nothing beside it where the disk is full', async () => {
    const root = tempRoot();
    const path = join(root, 'a.json');
    writeFileSync(path, 'old');
    fillDisk(path);
    await expect(replace(path, 'new')).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(root)).toEqual(['a.json']);
  });
});

describe('makeFile', () => {
  test('makes no file where the disk is full, so that the next one can', () => {
    const root = tempRoot();
    const path = join(root, 'token');
    fillDisk(path);
    expect(() => makeFile(path, 'secret')).toThrow('ENOSPC');
    expect(readdirSync(root)).toEqual([]);
    expect(makeFile(path, 'secret')).toBe(true);
    expect(makeFile(path, 'other')).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('secret');
    expect(readdirSync(root)).toEqual(['token']);
  });

  test('all processes that come at once see the same whole file', async () => {
    const path = join(tempRoot(), 'token');
    const module = new URL('../../src/journal/index.ts', import.meta.url).href;
    const script = `
      import { readFileSync } from 'node:fs';
      const { makeFile } = await import(${JSON.stringify(module)});
      makeFile(${JSON.stringify(path)}, 'x'.repeat(100_000) + process.pid);
      const text = readFileSync(${JSON.stringify(path)}, 'utf8');
      process.stdout.write(text.slice(99_999));`;
    const run = promisify(execFile);
    const seen = await Promise.all(
      Array.from({ length: 4 }, () => run(process.execPath, ['--input-type=module', '-e', script])),
    );
    const texts = seen.map(({ stdout }) => stdout);
    expect(texts[0]).toMatch(/^x\d+$/);
    expect(new Set(texts).size).toBe(1);
  });
});
