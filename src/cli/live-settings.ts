// What `serve` and a run pass to the live page: the links of the settings, and the command that starts this program.
import { fileURLToPath } from 'node:url';
import type { LiveSettings } from '../hub/index.ts';
import type { CliContext } from './context.ts';
import { linksOf } from './links.ts';
import { alertsOf } from './notify-settings.ts';
import type { Settings } from './settings.ts';

export function liveSettings(context: CliContext, settings: Settings, workflows: readonly string[]): LiveSettings {
  // Beside this file, built or not.
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));
  return {
    workflows,
    // Both callers have checked the file before.
    alerts: alertsOf(context, settings)?.alerts,
    command: [process.execPath, main],
    linksOf: (run) => linksOf(settings, run),
    toOtlp: context.toOtlp,
  };
}
