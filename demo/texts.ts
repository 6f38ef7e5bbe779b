// What the demo says before and after the run: what is real and what is played, and what to try next.
import path from 'node:path';
import { clone, type Place } from './place.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export const usage = `Usage: npm run demo [-- FLAGS]
  --live   your own Claude Code and account, in place of scripted answers (a few US cents)
  --fast   without the pauses for watching
  --json   plain lines, and the result as one JSON object on the last line
  --open   the live page in a browser; by itself on a terminal with a display
           (--no-open: not there either)
`;

export function opening({ place, env, live }: { place: Place; env: Environment; live: boolean }): string {
  const claude = env.STEPSPAN_CLAUDE ?? 'claude';
  const about = live
    ? [
        `Claude Code is ${claude}, with your account and settings.`,
        'It sends its prompts and the files of the sample to where you have set it up',
        'to send them. This costs some US cents; at one dollar the run stops.',
      ]
    : [
        'Claude Code is the real one, and its tools really run. Only what the model',
        "says is scripted: a stand-in for Anthropic's API answers on 127.0.0.1. No",
        'account is used, nothing is charged, and nothing is sent anywhere; the cost',
        'shown is what the scripted token counts would cost. `npm run demo -- --live`',
        'takes your own account instead.',
      ];
  return [
    'stepspan demo: a small project with a mistake in it, copied to',
    `${place.folder}`,
    ...about,
    ...telemetryNote(env),
    '',
    '',
  ].join('\n');
}

/** A user who has set an endpoint wants to see the demo there; the demo says so. */
function telemetryNote(env: Environment): string[] {
  const set = Object.keys(env).filter((name) => /^OTEL_EXPORTER_OTLP_(\w+_)?ENDPOINT$/.test(name) && env[name]);
  return set.map((name) => `But for traces and logs of this run: they go to ${env[name]}, as\n${name} says.`);
}

export function closing({ place, env }: { place: Place; env: Environment }): string {
  const node = path.join(clone, 'node_modules', '.bin', 'node');
  return `
Try next, in a shell:
  export STEPSPAN_DATA_DIR=${quoted(env.STEPSPAN_DATA_DIR ?? '')}
  alias stepspan=${quoted(`${quoted(node)} ${quoted(path.join(clone, 'src', 'cli', 'main.ts'))}`)}
  stepspan serve --open     # the live page, of this run and all others
  stepspan show latest
  stepspan tail latest --from 0 --step fix
  stepspan export latest --format ndjson --events
  diff -ru ${quoted(path.join(clone, 'demo', 'sample'))} ${quoted(place.sample)}
`;
}

/** For a POSIX shell; left as it is if that is the same. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
