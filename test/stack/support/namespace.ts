// A network of its own for a test: programs in it have a loopback device that nobody else sees, so that they can use the
// ports they use in production. It stands for the host, or for a container of docker-compose.yml. Needs root.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skipBecause } from '../../support/skip.ts';
import { locateBackends } from './backends.ts';
import { defineService, makeFolder } from './service.ts';

export interface Namespace {
  /** Program and arguments that run the given ones in it. */
  enter(program: string, args: readonly string[]): { program: string; args: string[] };
  remove(): Promise<void>;
}

/** Options of a test that makes one, which only root may. */
export const needsNamespaces = skipBecause(
  process.getuid?.() === 0 ? undefined : 'only root may make a network namespace',
);

/** @param hosts lines for /etc/hosts, in it alone; without them names are those of this machine */
export async function startNamespace(hosts?: string): Promise<Namespace> {
  const folder = await makeFolder('namespace');
  const pidFile = join(folder, 'pid');
  const hostsFile = join(folder, 'hosts');
  if (hosts !== undefined) writeFileSync(hostsFile, hosts);
  const names = hosts === undefined ? '' : `"$0" mount -o bind ${hostsFile} /etc/hosts && `;
  // It lives as long as a process is in it. The shell is that process, and writes its pid when the device is up.
  const script = `${names}"$0" ifconfig lo up && echo $$ > ${pidFile} && exec "$0" sleep 86400`;
  const { busybox } = locateBackends();
  const pid = () => readFileSync(pidFile, 'utf8').trim();
  const holder = defineService({
    name: 'A network namespace',
    program: 'unshare',
    args: ['--net', '--mount', busybox, 'sh', '-c', script, busybox],
    folder,
    isReady: async () => pid() !== '',
  });
  await holder.start().catch(async (error: unknown) => {
    await holder.remove();
    throw error;
  });
  return {
    enter: (program, args) => ({
      program: 'nsenter',
      args: [`--net=/proc/${pid()}/ns/net`, `--mount=/proc/${pid()}/ns/mnt`, '--', program, ...args],
    }),
    remove: () => holder.remove(),
  };
}
