// The version of this package, for `--version` and `run.started`. Read from package.json, its only place.
import { readFileSync } from 'node:fs';
import { parseObject, textAt } from '../core/json.ts';

const manifest = parseObject(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) ?? {};

export const version = textAt(manifest, 'version') ?? '0.0.0';
