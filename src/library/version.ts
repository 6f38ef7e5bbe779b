// The version of this package, as `--version` and `run.started` tell it. Read from package.json, so that it is said once.
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

export const version = manifest.version;
