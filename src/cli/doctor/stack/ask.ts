// Asks one piece of the stack one question over HTTP, reads its answer by a schema, and says what is wrong if there is none.
// Called by the file of each piece, and by delivery.ts.
import { parse } from 'yaml';
import type { z } from 'zod';
import { withoutLogin } from '../../../core/address.ts';
import { toError } from '../../../core/errors.ts';
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
    const { cause, message } = toError(error);
    // fetch says only that it failed; its cause says why.
    return { kind: 'silent', why: (cause instanceof Error && cause.message) || message };
  }
}

export type JsonQuestion<T> = Question & { readonly path: string; readonly schema: z.ZodType<T> };

/** The answer as JSON; undefined if it is an error, is not JSON or does not fit the schema. */
export async function askJson<T>(base: string, { path, schema, ...question }: JsonQuestion<T>): Promise<T | undefined> {
  const answer = await ask(base, path, question);
  return answer.kind === 'answered' && answer.ok ? readJson(answer.text, schema) : undefined;
}

export function readJson<T>(text: string, schema: z.ZodType<T>): T | undefined {
  return readBy(JSON.parse, text, schema);
}

/** A configuration that a piece printed; undefined if it is not YAML, as from a proxy in front of it. */
export function readYaml<T>(text: string, schema: z.ZodType<T>): T | undefined {
  return readBy(parse, text, schema);
}

function readBy<T>(parseText: (text: string) => unknown, text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(parseText(text)).data;
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

/** What is wrong with a piece that does not say that it is ready; undefined if it does. */
export function notReady(what: string, base: string, service: string, answer: Answer): Check | undefined {
  if (answer.kind === 'answered' && answer.ok) return undefined;
  const look = `\`docker compose ps ${service}\` and \`docker compose logs ${service}\` say why`;
  if (answer.kind === 'answered') {
    const said = answer.text.trim().split('\n', 1)[0]?.slice(0, 200) ?? '';
    return bad(
      what,
      `${shown(base)} is not ready: ${answer.status} ${said}`,
      `It should be ready a minute after its start; ${look}.`,
    );
  }
  const remedy = `Start it with \`docker compose up -d\`; ${look}. If it is elsewhere, set its address (\`stepspan doctor --help\`).`;
  return bad(what, `${shown(base)} cannot be asked: ${answer.why}`, remedy);
}
