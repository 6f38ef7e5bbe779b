// Opens a link in a browser on this machine, or says why it cannot. Called by run, serve and link.
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export type Opened =
  | { readonly kind: 'opened' }
  /** `why` fits into "no browser was opened: …". */
  | { readonly kind: 'not_opened'; readonly why: string };

/** Openers pass the link to the browser and end within a second; one that is the browser itself keeps running. */
const failsWithinMs = 2_000;

/**
 * Whether arguments of programs may hold a link that is good for this user alone. Every user of a machine can read them, and
 * On Linux the server can see who has followed the link.
 */
export const bindsLinks = process.platform === 'linux';

/** @returns why nothing can be opened here; undefined if it can be tried */
export function noBrowser(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string | undefined {
  if (env.BROWSER) return undefined;
  if (platform === 'linux') return env.DISPLAY || env.WAYLAND_DISPLAY ? undefined : 'there is no display';
  if (platform !== 'darwin') return `it is not known how on ${platform}`;
  // `open` would show it on the screen of the other machine.
  return env.SSH_CONNECTION ? 'this is a session from another machine' : undefined;
}

/** With `$BROWSER` where it names a program, as xdg-open has it, else with the opener of the system. */
export async function openBrowser(link: string, env: NodeJS.ProcessEnv): Promise<Opened> {
  const no = noBrowser(env);
  if (no !== undefined) return { kind: 'not_opened', why: no };
  // A list of programs, of which the first is as good as any.
  const chosen = env.BROWSER?.split(':')[0];
  const program = chosen || (process.platform === 'darwin' ? 'open' : 'xdg-open');
  const shown = bindsLinks ? link : hiddenIn(link);
  return new Promise((resolve) => {
    const end = (opened: Opened): void => {
      clearTimeout(timer);
      child.unref();
      resolve(opened);
    };
    const failed = (why: string): void => end({ kind: 'not_opened', why: `${program} ${why}` });
    const timer = setTimeout(() => end({ kind: 'opened' }), failsWithinMs);
    // A session of its own: Ctrl-C here does not end the browser.
    const child = spawn(program, [shown], { stdio: 'ignore', detached: true, env });
    child.once('error', (error: NodeJS.ErrnoException) =>
      failed(error.code === 'ENOENT' ? 'is not installed' : `cannot be started (${error.code ?? error.message})`),
    );
    child.once('exit', (code, signal) => {
      if (code === 0) end({ kind: 'opened' });
      else failed(`ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}

/** A page that only this user can read, and that leads on to the link: its name is all that other users see. */
function hiddenIn(link: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'stepspan-open-')), 'open.html');
  const quoted = link.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  writeFileSync(file, `<!doctype html><meta http-equiv="refresh" content="0;url=${quoted}">\n`, { mode: 0o600 });
  return file;
}
