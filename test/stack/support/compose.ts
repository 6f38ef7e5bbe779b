// docker-compose.yml as docker compose understands it: read by the loader that docker compose itself uses, with every
// default filled in. No docker is asked.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { locateBackends } from './backends.ts';

export const root = path.resolve(import.meta.dirname, '../../..');

export interface ComposeService {
  image?: string;
  command?: string[];
  environment?: Record<string, string | null>;
  healthcheck?: { test?: string[]; disable?: boolean; interval?: string; timeout?: string };
  restart?: string;
  ports?: { host_ip?: string; published: string; target: number }[];
  volumes?: { type: string; source: string; target: string; read_only?: boolean }[];
  deploy?: { resources?: { limits?: { cpus?: number | string; memory?: string } } };
  network_mode?: string;
  networks?: Record<string, { aliases?: string[] } | null>;
  profiles?: string[];
  depends_on?: Record<string, { condition: string }>;
  privileged?: boolean;
  security_opt?: string[];
  cap_drop?: string[];
  cap_add?: string[];
  entrypoint?: string[];
}

export interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, object>;
}

/** Throws with the loader's own words when the file is wrong. Variables are not set, so everything has its default. */
export function loadCompose(): Compose {
  const text = execFileSync(locateBackends().composeLoad, ['-format', 'json', 'docker-compose.yml'], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return JSON.parse(text) as Compose;
}
