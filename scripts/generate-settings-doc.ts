// Writes docs/settings.md from the table of settings. `node scripts/generate-settings-doc.ts`; a test holds the two together.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  flagOf,
  type Setting,
  type SettingName,
  settingNames,
  settingTable,
  variableOf,
} from '../src/cli/setting-table.ts';

export const settingsDocPath = path.resolve(import.meta.dirname, '../docs/settings.md');

/** Settings whose flag has another name, or that have none. */
const otherFlags: Readonly<Partial<Record<SettingName, string>>> = {
  hubPort: '`--port` of `serve`',
  hubHost: '`--host` of `serve`',
  // Every user of a machine sees the flags of a process.
  alertWebhookUrl: 'none, as it is a secret',
  grafanaLogin: 'none, as it is a secret',
};

export function settingsDoc(): string {
  const rows = settingNames.map((name) => {
    const { kind, defaultText, description, unit }: Setting<unknown> = settingTable[name];
    const flag = kind.name.startsWith('on|off')
      ? `\`${flagOf(name)}\`, \`${flagOf(name).replace('--', '--no-')}\``
      : (otherFlags[name] ?? `\`${flagOf(name)}\``);
    const cells = [
      `\`${name}\``,
      kind.name,
      defaultText,
      flag,
      `\`${variableOf(name)}\``,
      description + unitText(unit),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `# Settings

A setting is taken from the first of these that has it:

1. a flag of the command, where the command has it (\`stepspan COMMAND --help\`),
2. an environment variable; an empty one counts as not set,
3. \`stepspan.config.yaml\` in the working folder,
4. \`$XDG_CONFIG_HOME/stepspan/config.yaml\`, else \`~/.config/stepspan/config.yaml\`,
5. the default.

\`~\` is \`$HOME\`; if that is empty or not an absolute path, the home of the user's account.

Relative paths in a file start from the folder of that file, others from the working folder. A wrong setting, or an
unknown name in a file, is reported with its source and what to write instead; nothing is started, and the exit code is 2.

\`\`\`yaml
# stepspan.config.yaml
shipWait: 30s
retentionMaxAge: 14d
grafanaUrl: https://grafana.example.com
\`\`\`

Durations are written \`100ms\`, \`10s\`, \`5m\`, \`2h30m\` or \`30d\`, sizes \`500MiB\` or \`10GiB\` (powers of 1024).

| name | kind | default | flag | variable | what it does |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

## Price table

\`priceTable\` names a JSON file. Its prices replace the built-in ones of the same model, in US dollars for a million tokens:

\`\`\`json
{
  "claude-opus-5-5": { "input": 4, "output": 20 },
  "claude-haiku-5": { "input": 1, "output": 5, "cacheRead": 0.1, "cacheWrite": 1.25, "cacheWrite1h": 2 }
}
\`\`\`

\`input\` and \`output\` are needed; without the others, the usual factors of the API hold. A key also stands for the dated versions of
its model, such as \`claude-opus-5-5-20261101\`. Prices are used only for estimates: what Claude Code reports itself is taken as it is.

Where to ship is set by the standard \`OTEL_*\` variables of OpenTelemetry, see [telemetry.md](telemetry.md).

This page is generated from \`src/cli/setting-table.ts\` by \`scripts/generate-settings-doc.ts\`.
`;
}

function unitText(unit: '' | 'ms' | 'bytes'): string {
  return unit === 'bytes' ? ' A bare number is bytes.' : '';
}

if (process.argv[1] === import.meta.filename) writeFileSync(settingsDocPath, settingsDoc());
