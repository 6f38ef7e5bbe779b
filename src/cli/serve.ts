// The command `serve`: the hub of a data folder in the foreground, until it is asked to end.
import path from 'node:path';
import { type Command, Option } from 'commander';
import { dataFolder } from '../journal/index.ts';
import { archiveTargetOf } from '../library/archiving.ts';
import { version } from '../library/index.ts';
import { originOf } from '../readers/notify/index.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { liveSettings } from './live-settings.ts';
import { alertFlags, notifySettingsOf } from './notify-settings.ts';
import { bindsLinks, type Opened, openBrowser } from './open-browser.ts';
import { adoptOrphansOrWarn } from './orphans.ts';
import { addSettingFlags, type FlagValues, loadSettings, surroundings } from './settings.ts';

type ServeFlags = FlagValues & {
  readonly port?: string;
  readonly host?: string;
  readonly allowRemote?: boolean;
  readonly allowHost?: readonly string[];
  readonly workflows?: readonly string[];
  readonly page: boolean;
  readonly open?: boolean;
  readonly ship: boolean;
};

export function registerServe(program: Command, context: CliContext): void {
  const command = program
    .command('serve')
    .description(
      'Look after all runs of the data folder: show them live in a browser, serve their metrics, send what is not sent yet, and close runs whose stepspan was killed.',
    )
    .addOption(new Option('--port <port>', 'the port to listen on; 0 takes a free one (default: 9464)'))
    .addOption(new Option('--host <address>', 'the address to listen on (default: 127.0.0.1)'))
    .option('--allow-remote', 'let other machines reach it where --host does: with the token, and without encryption')
    .option('--allow-host <name...>', 'further names that requests may give as their Host, such as that of a proxy')
    .option('--workflows <dir...>', 'folders whose workflows may be started from the page and the API')
    .option('--open', 'open the live page in a browser')
    .option('--no-page', 'serve metrics only: no page, no API')
    .option('--no-ship', 'send nothing over OTLP, whatever OTEL_EXPORTER_OTLP_ENDPOINT says')
    .addHelpText(
      'after',
      `
Examples:
  $ stepspan serve
  $ stepspan serve --port 0 --data-dir ./runs
  $ stepspan serve --workflows ./workflows
  $ OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 stepspan serve
  $ stepspan serve --host 0.0.0.0 --allow-remote --allow-host build-7.example.com
`,
    );
  addSettingFlags(
    command,
    'dataDir',
    'archive',
    'archiveEncryption',
    'archiveKmsKey',
    'retentionMaxAge',
    'retentionMaxBytes',
    'metricLabels',
    ...alertFlags,
  ).action((flags: ServeFlags) => serve(context, flags));
}

async function serve(context: CliContext, flags: ServeFlags): Promise<void> {
  const loaded = loadSettings(surroundings(context.env, context.cwd), {
    ...flags,
    hubPort: flags.port,
    hubHost: flags.host,
  });
  if (!loaded.ok) {
    // Here the two flags have short names; the settings know them by their long ones.
    const problems = loaded.problems.map((problem) =>
      problem.replace(/^--hub-(port|host): hub(Port|Host) is /, '--$1 is '),
    );
    return fail(context, exitCodes.badInput, ...problems);
  }
  const { settings } = loaded;
  const archiveTo = archiveTargetOf({ ...settings, env: context.env });
  if (!archiveTo.ok) return fail(context, exitCodes.badInput, archiveTo.problem);
  const alerts = notifySettingsOf(context, settings);
  if (alerts === undefined) return;
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  const data = dataFolder(settings.dataDir);
  // Elsewhere a hub has nothing to adopt: each run that it starts is a process that does so itself.
  if (process.pid === 1) adoptOrphansOrWarn(context);
  const { startHub } = await import('../hub/index.ts');
  const folders = (flags.workflows ?? []).map((folder) => path.resolve(context.cwd, folder));
  const start = await startHub({
    data,
    host: settings.hubHost,
    port: settings.hubPort,
    allowRemote: flags.allowRemote ?? false,
    hostNames: flags.allowHost ?? [],
    publicUrl: settings.publicUrl,
    env: context.env,
    version,
    ...(flags.page ? { live: liveSettings(context, settings, folders) } : {}),
    ship: flags.ship,
    notify: alerts.notify,
    archive: settings.archive !== false,
    archiveTo: archiveTo.value,
    metricLabels: settings.metricLabels,
    retention: { maxAgeMs: settings.retentionMaxAge, maxBytes: settings.retentionMaxBytes },
    log: (line) => void context.stderr.write(`${new Date(context.now()).toISOString()} ${line}\n`),
  });
  switch (start.kind) {
    case 'held':
      return fail(context, exitCodes.lockHeld, start.message);
    case 'failed':
      return fail(context, exitCodes.badInput, ...start.problems);
    case 'started': {
      const { hub } = start;
      // The first line is for scripts: the port of `--port 0` is only here and in hub.json.
      say(`listening on ${hub.url}`);
      say(`metrics   ${hub.url}/metrics`);
      say(`runs in   ${data.root}`);
      if (alerts.notify !== undefined)
        say(`alerts to ${originOf(alerts.notify.receiver.url)} (${alerts.notify.receiver.kind})`);
      const link = hub.link();
      if (link !== undefined)
        say(
          `page      ${link}\n          (signs in one browser, once, within five minutes; stepspan link prints another)`,
        );
      if (flags.open === true) {
        const shown = hub.link({ ownUser: bindsLinks });
        const opened: Opened =
          shown === undefined
            ? { kind: 'not_opened', why: '--no-page serves no page' }
            : await openBrowser(shown, context.env);
        if (opened.kind === 'not_opened') say(`No browser was opened: ${opened.why}.`);
      }
      if (flags.allowRemote === true) {
        const who = flags.page ? 'with a link or a token' : 'and see its metrics';
        say(`Other machines can reach this hub ${who}. Nothing is encrypted: put a proxy with TLS in front of it.`);
      }
      await new Promise<void>((resolve) => context.onSignal(() => resolve()));
      await hub.stop();
    }
  }
}
