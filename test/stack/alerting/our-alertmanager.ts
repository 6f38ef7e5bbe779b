// Our Alertmanager configuration as start.sh makes it, with the shell and tools of busybox that its image has; and for
// tests the same with shorter waits.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { locateBackends } from '../support/backends.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const script = path.join(root, 'alerting/alertmanager/start.sh');

export type Environment = Readonly<Record<string, string>>;

/** @param folder for what it writes, and for busybox's tools */
export function startScript(folder: string, env: Environment, args: readonly string[]) {
  const { busybox } = locateBackends();
  const tools = path.join(folder, 'tools');
  mkdirSync(tools, { recursive: true });
  execFileSync(busybox, ['--install', '-s', tools]);
  const { status, stdout, stderr } = spawnSync(busybox, ['sh', script, ...args], {
    encoding: 'utf8',
    env: { PATH: tools, STEPSPAN_ALERT_RUNTIME_DIR: folder, STEPSPAN_ALERT_CUSTOM_CONFIG: '/nowhere', ...env },
  });
  return { status, stdout, stderr };
}

/** The configuration for these variables; throws what start.sh says when it makes none. */
export function ourConfig(folder: string, env: Environment): string {
  const { status, stdout, stderr } = startScript(folder, env, ['--print']);
  if (status !== 0) throw new Error(`start.sh ended with ${status}: ${stderr}`);
  return stdout;
}

/** Seconds in place of minutes and hours: the same order, soon enough for a test. */
const waits: Readonly<Record<string, string>> = {
  group_wait: '1s',
  group_interval: '1s',
  repeat_interval: '1h',
};

export function withShortWaits(config: string): string {
  return config.replaceAll(/(group_wait|group_interval|repeat_interval): \w+/g, (_whole, name: string) => {
    return `${name}: ${waits[name]}`;
  });
}
