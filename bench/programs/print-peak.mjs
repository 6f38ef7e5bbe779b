// Loaded before the program that is measured: prints the peak of its resident memory, in bytes, as the last line on stderr.
// In JavaScript, as the part of Node that strips types takes 11 MiB. From the kernel's status of the process, as `maxRSS` of
// `process.resourceUsage()` starts at the memory of the process that spawned this one.
import { readFileSync } from 'node:fs';

process.on('exit', () => {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  process.stderr.write(`\n${Number(kibibytes) * 1024}\n`);
});
