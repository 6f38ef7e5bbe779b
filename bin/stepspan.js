#!/usr/bin/env node
// Starts stepspan with a Node that can run it. It is written in old JavaScript, so that an old Node can run it and say what is
// wrong. If the running Node is too old, it starts the one of the npm package `node`, if that is installed beside stepspan.
import { spawn } from 'node:child_process';
import module, { createRequire } from 'node:module';
import path from 'node:path';

const needed = [22, 15];
const running = process.versions.node.split('.').map(Number);

if (running[0] > needed[0] || (running[0] === needed[0] && running[1] >= needed[1])) {
  keepCompiledCode();
  await import('../dist/app/main.js');
} else {
  const program = newerNode();
  if (program === undefined) {
    console.error(
      `stepspan: needs Node ${needed.join('.')} or newer, and this is ${process.versions.node}. ` +
        'Install a newer Node, or bring one along: npm install node@24 beside stepspan.',
    );
    process.exit(3);
  }
  // The second process watches for the end of this one, which cannot forward a SIGKILL.
  const env = { ...process.env, STEPSPAN_LAUNCHER: String(process.pid) };
  const child = spawn(program, process.argv.slice(1), { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to both, and a second one would kill the steps; a signal to this process alone is forwarded.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status);
    // Ended by a signal as the child was, so that the process that waits for this one sees it.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The next start reuses what this one compiles. The folder is the user's own: anyone who can write there can run code as the user. */
function keepCompiledCode() {
  const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
  if (cache && path.isAbsolute(cache)) module.enableCompileCache(path.join(cache, 'stepspan', 'compiled'));
}

function newerNode() {
  try {
    return createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    return undefined;
  }
}
