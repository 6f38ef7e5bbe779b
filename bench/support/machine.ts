// What the benchmarks ran on. Without it a number says nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';

/** Lines of a list, measured where they change: the load is that before the first benchmark. */
export function describeMachine(): readonly string[] {
  const [load = 0] = loadavg();
  return [
    `${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `${type()} ${release()}${distribution()}, ${fileSystem()} under the folder for temporary files`,
    `Node ${process.versions.node}`,
    `load before the start: ${load.toFixed(1)}`,
    `${new Date().toISOString().slice(0, 10)}, commit ${commit()}`,
  ];
}

function distribution(): string {
  if (!existsSync('/etc/os-release')) return '';
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  return name === undefined ? '' : ` (${name})`;
}

function fileSystem(): string {
  return answerOf('stat', ['-f', '-c', '%T', tmpdir()]) || 'an unknown file system';
}

function commit(): string {
  const changed = answerOf('git', ['status', '--porcelain', '--', 'src']) === '' ? '' : ' with changes';
  return `${answerOf('git', ['rev-parse', '--short', 'HEAD']) || 'unknown'}${changed}`;
}

/** '' where the program is not there or fails. */
function answerOf(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
