// One question to one piece of the stack over HTTP, and what to say if nothing answers. Each piece has its own file.
import { parse } from 'yaml';
import { withoutLogin } from '../../../core/address.ts';
import type { Settings } from '../../settings.ts';
import { bad, type Check } from '../check.ts';

export type Answer =
  | { readonly kind: 'answered'; readonly ok: boolean; readonly status: number; readonly text: string }
  /** Nobody listens there, or not in time. */
  | { readonly kind: 'silent'; readonly why: string };

export type Question = {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** What answers at all does so in milliseconds; Loki may take a second while it starts. */
const timeoutMs = 5_000;

/** @param path below the address, without a slash before it; a path in the address itself, as behind a proxy, stays */
export async function ask(base: string, path: string, question: Question = {}): Promise<Answer> {
  const { address, headers: login } = withoutLogin(new URL(path, base.endsWith('/') ? base : `${base}/`));
  const headers = { ...question.headers, ...login };
  try {
    const response = await fetch(address, { ...question, headers, signal: AbortSignal.timeout(timeoutMs) });
    return { kind: 'answered', ok: response.ok, status: response.status, text: await response.text() };
  } catch (error) {
    const { cause, message } = error as Error;
    return { kind: 'silent', why: (cause as Error | undefined)?.message || message };
  }
}

/** The answer as JSON; undefined if it is not JSON, or an error. */
export async function askJson<T>(base: string, path: string, question?: Question): Promise<T | undefined> {
  const answer = await ask(base, path, question);
  if (answer.kind === 'silent' || !answer.ok) return undefined;
  try {
    return JSON.parse(answer.text) as T;
  } catch {
    return undefined;
  }
}

/** What a Loki that asks for more than an address is sent with each question, the same as for `export --from loki`. */
export function lokiHeadersOf({
  lokiHeaders = {},
  lokiTenant,
}: Pick<Settings, 'lokiHeaders' | 'lokiTenant'>): Readonly<Record<string, string>> {
  return { ...lokiHeaders, ...(lokiTenant === undefined ? {} : { 'x-scope-orgid': lokiTenant }) };
}

/** An address as it may be printed: without a password that is in it. */
export function shown(base: string): string {
  return withoutLogin(base).address.href.replace(/\/$/, '');
}

/** What is wrong when a piece does not say that it is ready; undefined when it does. */
export function notReady(what: string, base: string, service: string, answer: Answer): Check | undefined {
  if (answer.kind === 'answered' && answer.ok) return undefined;
  const look = `\`docker compose ps ${service}\` and \`docker compose logs ${service}\` say why`;
  if (answer.kind === 'answered') {
    const said = answer.text.trim().split('\n', 1)[0]?.slice(0, 200) ?? '';
    return bad(
      what,
      `${shown(base)} is not ready: ${answer.status} ${said}`,
      `A minute after its start it should be; ${look}.`,
    );
  }
  const remedy = `Start it with \`docker compose up -d\`; ${look}. If it is elsewhere, say where, see \`stepspan doctor --help\`.`;
  return bad(what, `${shown(base)} cannot be asked: ${answer.why}`, remedy);
}

/** What a piece printed of its configuration; undefined if it is not YAML, as from a proxy in front of it. */
export function parsedYaml<T>(text: string): T | undefined {
  try {
    return parse(text) as T;
  } catch {
    return undefined;
  }
}
