// Where Loki, Tempo and Grafana are taken from, and the message if they are nowhere; and the copying out of images, with
// a program in place of docker that answers as an engine does.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findExternal } from './support/external-programs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-externals-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, script = 'exit 0'): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

const empty = { PATH: path.join(folder, 'empty'), STEPSPAN_CACHE_DIR: path.join(folder, 'cache') };

describe('an external program', () => {
  test('is the one that the variable names, else the one on the PATH', () => {
    const named = program('named/my-loki');
    const onPath = program('on-path/loki');
    const env = { ...empty, PATH: `${empty.PATH}:${path.dirname(onPath)}` };
    expect(findExternal('loki', { ...env, STEPSPAN_LOKI: named })).toEqual({ kind: 'found', program: named });
    expect(findExternal('loki', { ...env, STEPSPAN_LOKI: '' })).toEqual({ kind: 'found', program: onPath });
    const server = program('on-path/grafana-server');
    expect(findExternal('grafana', env)).toEqual({ kind: 'found', program: server });
  });

  test('that a variable names wrongly is a mistake, and not a reason to skip', () => {
    expect(() => findExternal('tempo', { ...empty, STEPSPAN_TEMPO: '/nowhere/tempo' })).toThrow(
      'STEPSPAN_TEMPO=/nowhere/tempo is not an executable file',
    );
  });

  test('that is nowhere is missing, with a sentence that says what to do', () => {
    expect(findExternal('tempo', empty)).toEqual({
      kind: 'missing',
      why: 'Tempo was not found: name its program in STEPSPAN_TEMPO, put it on the PATH, or start a Docker engine',
    });
  });
});

describe('copy-images.sh', () => {
  const copy = (docker: string, env: Readonly<Record<string, string>> = {}): string => {
    const bin = path.dirname(program('docker/docker', docker));
    return execFileSync(path.join(import.meta.dirname, 'backends/copy-images.sh'), {
      env: { ...empty, PATH: `${bin}:/usr/bin:/bin`, HOME: folder, ...env },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  };
  const logFile = path.join(folder, 'docker.log');
  /** Copies a script to the target of `docker cp`, into `bin/grafana` if that is a folder. */
  const engine = `
echo "$@" >> ${logFile}
case $1 in
  create) echo the-container;;
  cp) to=$4; case $to in */) mkdir -p $to/bin; to=$to/bin/grafana;; esac
      printf '#!/bin/sh\\nexit 0\\n' > $to; chmod 755 $to;;
esac`;

  test('copies what no variable names out of the pinned images, once', () => {
    const loki = program('named/loki');
    copy(engine, { STEPSPAN_LOKI: loki });
    expect(findExternal('loki', empty).kind).toBe('missing');
    for (const name of ['tempo', 'grafana'] as const) {
      const found = findExternal(name, empty);
      expect(found).toMatchObject({ kind: 'found', program: expect.stringMatching(/image-\w+-[\d.]+\/bin\/\w+$/) });
    }
    const asked = execFileSync('cat', [logFile], { encoding: 'utf8' });
    expect(asked).toMatch(/^create grafana\/tempo:[\d.]+$/m);
    rmSync(logFile);
    copy(engine, { STEPSPAN_LOKI: loki });
    expect(execFileSync('cat', [logFile], { encoding: 'utf8' }).trim()).toBe('info');
  });

  test('does nothing if no engine answers', () => {
    rmSync(empty.STEPSPAN_CACHE_DIR, { recursive: true, force: true });
    copy('exit 1');
    expect(existsSync(empty.STEPSPAN_CACHE_DIR)).toBe(false);
  });
});
