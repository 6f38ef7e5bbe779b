// `node alerting/generate.ts [--config alerts.yaml] [--out DIR]`: writes the rule files of Prometheus and of Loki's ruler.
// The edge of this folder: arguments, files and exit code are here, everything else is pure.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { toError } from '../src/core/errors.ts';
import { type AlertSettings, defaultAlerts, readAlerts } from '../src/runs/alerts/index.ts';
import { lokiGroups, prometheusGroups } from './groups.ts';
import { renderRules } from './render.ts';

const usage = 'usage: node alerting/generate.ts [--config alerts.yaml] [--out DIR]';

/**
 * The files by their path below alerting/. Loki's ruler looks for the rules of a tenant in a folder of its name; `fake` is
 * the tenant of a Loki without authentication, and what compose mounts the folder `stepspan` as.
 */
export function ruleFiles(settings: AlertSettings): ReadonlyMap<string, string> {
  return new Map([
    ['prometheus/stepspan.rules.yaml', renderRules('Prometheus', prometheusGroups(settings), settings)],
    ['loki/stepspan/stepspan.rules.yaml', renderRules("Loki's ruler", lokiGroups(settings), settings)],
  ]);
}

function main(): number {
  let values: { config?: string | undefined; out?: string | undefined };
  try {
    const options = { config: { type: 'string' }, out: { type: 'string' } } as const;
    values = parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${toError(error).message}\n${usage}\n`);
    return 2;
  }
  const settings = values.config === undefined ? defaultAlerts() : settingsOf(values.config);
  if (settings === undefined) return 2;
  for (const [name, content] of ruleFiles(settings)) {
    const file = path.join(values.out ?? import.meta.dirname, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    process.stdout.write(`${path.relative('', file)}\n`);
  }
  return 0;
}

function settingsOf(config: string): AlertSettings | undefined {
  let source: string;
  try {
    source = readFileSync(config, 'utf8');
  } catch (error) {
    process.stderr.write(`--config ${config} cannot be read (${toError(error).message}); name another file\n`);
    return undefined;
  }
  const read = readAlerts(source, config);
  if (read.ok) return read.settings;
  process.stderr.write(`${read.problems.join('\n')}\n`);
  return undefined;
}

if (import.meta.main) process.exitCode = main();
