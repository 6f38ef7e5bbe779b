// `npm run demo`: runs workflow.yaml through stepspan's own command line, with the real Claude Code CLI. What the model
// says is scripted, unless --live is given. This file is the edge: flags, the API's server, the child process, its end.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { approveLater } from './approve-later.ts';
import { buildPage } from './build-page.ts';
import { claudeScript } from './claude-script.ts';
import { startMessagesApi } from './messages-api/server.ts';
import { opensPage } from './open-page.ts';
import { clone, liveEnvironment, makePlace, scriptedEnvironment } from './place.ts';
import { closing, opening, usage } from './texts.ts';

const flags = readFlags();
const place = makePlace();
const api = flags.live
  ? undefined
  : await startMessagesApi({ script: claudeScript({ folder: place.sample, fast: flags.fast }) });
const env = api === undefined ? liveEnvironment(process.env) : scriptedEnvironment(process.env, place, api.url);

// The reader of the output may go away, as `| head` does; the run continues without it.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
// With --json standard output is for a program, and its last line is the result.
const say = (text: string): void => void (flags.json ? process.stderr : process.stdout).write(text);
say(opening({ place, env, live: flags.live }));

const args = ['run', place.workflow];
if (flags.fast) args.push('--param', 'pause=0');
if (flags.json) args.push('--json');
else if (process.stdout.isTTY) args.push('--output');
const isTerminal = process.stdout.isTTY === true && !flags.json;
const opens = opensPage({ asked: flags.open, env: process.env, isTerminal });
// On a terminal a link to the page is printed in any case.
const problem = opens || isTerminal ? await buildPage() : undefined;
if (problem !== undefined) say(`demo: the live page could not be built: ${problem}\n`);
else if (opens) args.push('--open');

// People who watch the page have time to answer there; where nobody is, it is only to be seen.
const afterMs = flags.fast ? 0 : opens ? 60_000 : 5_000;
const ended = new AbortController();
void approveLater({ dataDir: env.STEPSPAN_DATA_DIR ?? '', afterMs, signal: ended.signal });

const child = spawn(process.execPath, [path.join(clone, 'src', 'cli', 'main.ts'), ...args], {
  cwd: place.folder,
  env,
  stdio: 'inherit',
});
// A terminal sends Ctrl-C to both, and a second one would kill the steps; a signal to this process alone is forwarded.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  console.error(`demo: stepspan could not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (status) => {
  ended.abort();
  void api?.close();
  say(closing({ place, env }));
  process.exitCode = status ?? 1;
});

function readFlags() {
  const boolean = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      options: { live: boolean, fast: boolean, json: boolean, help: boolean, open: { type: 'boolean' } },
      allowNegative: true,
    });
    if (values.help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    return values;
  } catch (error) {
    process.stderr.write(`demo: ${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}
