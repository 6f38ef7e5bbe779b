// Keeps the settings files of a person from leading the telemetry of one attempt elsewhere, and says which of them did
// where that is not possible.
import {
  findOverrulingSettings,
  hasOverrulingArgument,
  missingFlag,
  type OpenedIntake,
  telemetryVariables,
  writeSettingsFile,
} from '../claude/index.ts';
import type { StepSetting } from './step-context.ts';

export type TelemetrySettings = {
  /** To be given with `--settings`; undefined if nothing has to be overruled. */
  readonly path: string | undefined;
  /** The arguments of the step, without what has gone into that file. */
  readonly args: readonly string[];
  /** Why telemetry goes elsewhere; undefined if nothing that is known takes it away. */
  readonly elsewhere: string | undefined;
  readonly remove: () => void;
};

export function overruleSettings(options: {
  readonly setting: Pick<StepSetting, 'env' | 'cwd'>;
  readonly args: readonly string[];
  readonly telemetry: Pick<OpenedIntake, 'url' | 'token'>;
  readonly version: string;
}): TelemetrySettings {
  const { args, setting, telemetry, version } = options;
  const { cwd, env } = setting;
  const none = { path: undefined, args, elsewhere: undefined, remove: () => undefined };
  const overruling = findOverrulingSettings({ env, cwd });
  if (overruling.length === 0 && !hasOverrulingArgument(args, cwd)) return none;
  const where = overruling.map(({ file, names }) => `${names.join(', ')} in the \`env\` of ${file}`).join('; ');
  const elsewhere =
    where === '' ? 'the `--settings` of the step set OTEL_* variables' : `it is sent where ${where} says`;
  if (missingFlag(version, '--settings') !== undefined) return { ...none, elsewhere };
  try {
    const file = writeSettingsFile({ overruling, variables: telemetryVariables(telemetry), args, cwd });
    return file === undefined ? { ...none, elsewhere } : { ...file, elsewhere: undefined };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...none, elsewhere: `${elsewhere}, and that cannot be overruled: ${why}` };
  }
}
