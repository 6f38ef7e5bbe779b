// What a command loads before it begins. Large packages that only some commands need would take half a second from each.
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const hooks = pathToFileURL(path.join(root, 'test/fixtures/list-packages.mjs')).href;

function packagesOf(...args: string[]): readonly string[] {
  const script = `${process.execPath} --import ${hooks} src/cli/main.ts ${args.join(' ')} 2>&1 >/dev/null | tail -1`;
  return JSON.parse(execFileSync('/bin/sh', ['-c', script], { cwd: root, encoding: 'utf8' })) as string[];
}

test('the help and the version load nothing but the parser of arguments', () => {
  for (const flag of ['--version', '--help']) expect(packagesOf(flag)).toEqual(['commander']);
});

test('a command that only reads runs loads neither the engine, the schema of workflows, a server nor the SDK', () => {
  for (const command of ['ls', 'show latest', 'output latest x', 'tail latest', 'search x']) {
    expect(
      packagesOf(command, '--data-dir', '/nonexistent').filter((name) => !['commander', 'yaml'].includes(name)),
    ).toEqual([]);
  }
});

test('a run loads neither a server nor the client of Prometheus nor the SDK', () => {
  const loaded = packagesOf(
    'exec',
    '--no-serve',
    '--data-dir',
    `${mkdtempSync(path.join(tmpdir(), 'stepspan-start-'))}`,
    '--',
    'true',
  );
  expect(loaded).toContain('execa');
  expect(
    loaded.filter((name) => name.startsWith('@opentelemetry/') || ['express', 'prom-client', 'ws'].includes(name)),
  ).toEqual([]);
});
