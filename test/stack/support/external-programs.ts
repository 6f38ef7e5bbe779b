// Loki, Tempo and Grafana, which the tests use as separate programs and the project neither fetches nor builds the source of.
// Each is taken from its variable, else from the PATH, else from the image that docker-compose.yml pins, out of which
// copy-images.sh copies it if a Docker engine answers. Tests that need one that is not found are skipped, with the reason.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { skipBecause } from '../../support/skip.ts';
import { cacheFolder } from './backends.ts';

export type ExternalName = 'loki' | 'tempo' | 'grafana';

const programs = {
  loki: { title: 'Loki', variable: 'STEPSPAN_LOKI', names: ['loki'] },
  tempo: { title: 'Tempo', variable: 'STEPSPAN_TEMPO', names: ['tempo'] },
  grafana: { title: 'Grafana', variable: 'STEPSPAN_GRAFANA', names: ['grafana', 'grafana-server'] },
} as const;

export type External =
  | { readonly kind: 'found'; readonly program: string }
  | { readonly kind: 'missing'; readonly why: string };

export function findExternal(name: ExternalName, env: NodeJS.ProcessEnv = process.env): External {
  const { title, variable, names } = programs[name];
  const named = env[variable];
  if (named !== undefined && named !== '') {
    // A mistake of the caller: skipping the tests would hide it.
    if (!isProgram(named)) throw new Error(`${variable}=${named} is not an executable file`);
    return { kind: 'found', program: path.resolve(named) };
  }
  const folders = (env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const onPath = folders.flatMap((folder) => names.map((each) => path.join(folder, each))).find(isProgram);
  const program = onPath ?? [copiedFromImage(name, env)].find(isProgram);
  if (program !== undefined) return { kind: 'found', program };
  const why = `${title} was not found: name its program in ${variable}, put it on the PATH, or start a Docker engine`;
  return { kind: 'missing', why };
}

/** Its program. Throws if it was not found: call it only in tests with the option `needs(name)`. */
export function externalProgram(name: ExternalName): string {
  const found = findExternal(name);
  if (found.kind === 'missing') throw new Error(found.why);
  return found.program;
}

/** For the options of a test or of `describe`: skipped, with the reason, unless each of these is found. */
export function needs(...names: readonly ExternalName[]): ReturnType<typeof skipBecause> {
  const missing = names.map((name) => findExternal(name)).find(({ kind }) => kind === 'missing');
  return skipBecause(missing?.kind === 'missing' ? missing.why : undefined);
}

/** Where copy-images.sh puts the program of the pinned image. */
function copiedFromImage(name: ExternalName, env: NodeJS.ProcessEnv): string {
  const compose = readFileSync(path.resolve(import.meta.dirname, '../../../docker-compose.yml'), 'utf8');
  const tag = new RegExp(`^    image: grafana/${name}:(\\S+)$`, 'm').exec(compose)?.[1] ?? '';
  return path.join(cacheFolder(env), `image-${name}-${tag}`, 'bin', name);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
