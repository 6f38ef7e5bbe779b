// Loaded into a program before it starts (`node --import`): answers over IPC how long its event loop was blocked at most since the
// last question, how much processor time it has used and how much memory it has. Plain JavaScript: stripping types takes memory.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The histogram is fed by a timer of this interval: what it finds is late by so much at least. */
const resolutionMs = 5;

if (process.send !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  process.on('message', (message) => {
    const { user, system } = process.cpuUsage();
    const maxDelayMs = Math.max(0, delay.max / 1e6 - resolutionMs);
    delay.reset();
    // Its timer alone takes several milliseconds of each second, which would be most of what an idle program takes.
    if (message === 'last') delay.disable();
    process.send({ maxDelayMs, cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() });
  });
  // The program ends as it would without this.
  process.channel.unref();
}
