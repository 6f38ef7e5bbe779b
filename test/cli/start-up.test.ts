// What a command loads before it begins. Large packages that only some commands need would take half a second from each.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const hooks = pathToFileURL(path.join(root, 'test/fixtures/tell-packages.mjs')).href;

function packagesOf(...args: string[]): readonly string[] {
  const script = `${process.execPath} --import ${hooks} src/cli/main.ts ${args.join(' ')} 2>&1 >/dev/null | tail -1`;
  return JSON.parse(execFileSync('/bin/sh', ['-c', script], { cwd: root, encoding: 'utf8' })) as string[];
}

test('a command that neither serves nor ships loads no web server, no metrics and no SDK', () => {
  const packages = packagesOf('--version');
  expect(packages).toContain('commander');
  expect(packages.filter((name) => /^(express|prom-client|@opentelemetry\/.*|pidtree)$/.test(name))).toEqual([]);
});
