// What somebody with an unsuitable Node reads, from setup and from the tests: one sentence, and no stack.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { nodeProblem, runNode } from '../../scripts/node-version.mjs';
import { read, root } from './tracked.ts';

/** A program with this Node in it, which says that it is another. */
function withNode(version: string, args: readonly string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-old-node-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const preload = path.join(folder, 'old.cjs');
  writeFileSync(preload, `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
  return spawnSync(process.execPath, ['--require', preload, ...args], { cwd: root, encoding: 'utf8' });
}

test('versions are compared number by number', () => {
  expect(nodeProblem('22.15.0', '22.15.0', 'x needs')).toBeUndefined();
  expect(nodeProblem('24.1.0', '22.15.0', 'x needs')).toBeUndefined();
  expect(nodeProblem('22.9.1', '22.15.0', 'x needs')).toMatch(
    /^x needs Node 22\.15\.0 or newer, and this is 22\.9\.1: /,
  );
});

test('setup refuses an old Node with one sentence', () => {
  const { status, stderr } = withNode('18.20.1', ['scripts/setup.mjs']);
  expect([status, stderr.trimEnd().split('\n')]).toEqual([
    1,
    [expect.stringMatching(/^node scripts\/setup\.mjs needs Node 20\.11\.0 or newer, and this is 18\.20\.1: .*\.$/)],
  ]);
});

test('the tests refuse an old Node with one sentence', () => {
  const { status, stderr } = withNode('20.19.0', ['node_modules/vitest/vitest.mjs', 'list', '--filesOnly']);
  expect([status, stderr.trimEnd().split('\n')]).toEqual([
    1,
    [expect.stringMatching(/^The tests of stepspan need Node 22\.15\.0 or newer, and this is 20\.19\.0: .*\.$/)],
  ]);
});

test('package.json names the same Node', () => {
  expect(JSON.parse(read('package.json'))).toMatchObject({ engines: { node: `>=${runNode.replace(/\.0$/, '')}` } });
  expect(execFileSync(process.execPath, ['-v'], { encoding: 'utf8' })).toMatch(/^v2[4-9]/);
});
