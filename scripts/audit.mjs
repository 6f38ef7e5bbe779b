// `npm run audit`: asks the registry for known vulnerabilities of what stepspan ships with, and fails for high and critical ones. A mirror
// might not answer the question; then it says that nothing was audited, because silence would look like a clean result.
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
const report = parse(stdout);
const counts = report?.metadata?.vulnerabilities;
if (counts === undefined) {
  const why = report?.message ?? report?.error?.summary ?? 'no answer that could be read';
  process.stdout.write(`NOT AUDITED: the registry does not answer npm audit (${String(why).split('\n')[0]})\n`);
} else {
  process.stdout.write(`${JSON.stringify(counts)} in ${report.metadata.dependencies.prod} packages\n`);
  const severe = Object.values(report.vulnerabilities).filter(({ severity }) =>
    ['high', 'critical'].includes(severity),
  );
  for (const { name, severity, range } of severe) process.stdout.write(`${severity}: ${name} ${range}\n`);
  process.exitCode = severe.length === 0 ? 0 : 1;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
