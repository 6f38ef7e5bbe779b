// Requests to the server that the page came from. Says what went wrong as a value that a view can show; never retries.

export type ApiFailure = {
  readonly kind: 'signed_out' | 'forbidden' | 'not_found' | 'refused' | 'unreachable';
  readonly message: string;
  readonly fix: string;
};

type ErrorAnswer = { readonly error?: { readonly message?: string; readonly fix?: string } };

export type ApiAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: ApiFailure };

export const unreachable: ApiFailure = {
  kind: 'unreachable',
  message: 'The server does not answer.',
  fix: 'Is `stepspan serve` still running? The page keeps trying.',
};

/** Relative, so that the page works below a path as well. */
const base = './api/v1';

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<ApiAnswer<T>> {
  return request<T>(path, { method: 'GET', ...(signal === undefined ? {} : { signal }) });
}

export async function postJson<T>(path: string, body: unknown = {}): Promise<ApiAnswer<T>> {
  const headers = { 'content-type': 'application/json' };
  return request<T>(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** The address of something to be downloaded by a link. */
export function apiUrl(path: string): string {
  return `${base}${path}`;
}

export function tailUrl(location: { readonly href: string }): string {
  const url = new URL(`${base}/tail`, location.href.replace(/#.*$/, ''));
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** Lines of a streamed answer, one JSON value each, until it ends or `signal` ends it. */
export async function* streamNdjson<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const response = await fetch(apiUrl(path), { signal, credentials: 'same-origin' });
  if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    for (const line of lines) if (line !== '') yield JSON.parse(line);
    if (done) return;
  }
}

async function request<T>(path: string, init: RequestInit): Promise<ApiAnswer<T>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(apiUrl(path), { ...init, credentials: 'same-origin' });
    // The connection can break, or the view that asked be left, in the middle of the answer as well.
    text = await response.text();
  } catch {
    return { ok: false, failure: unreachable };
  }
  const answer = parsed<T & ErrorAnswer>(text);
  if (response.ok && answer !== undefined) return { ok: true, value: answer };
  const message = answer?.error?.message ?? `The server answered ${response.status}.`;
  return failed(kindOf(response.status), message, answer?.error?.fix ?? '');
}

function kindOf(status: number): ApiFailure['kind'] {
  if (status === 401) return 'signed_out';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  return status >= 502 ? 'unreachable' : 'refused';
}

function failed(kind: ApiFailure['kind'], message: string, fix: string): { ok: false; failure: ApiFailure } {
  return { ok: false, failure: { kind, message, fix } };
}

/** What the server of the page sends is trusted to have the types of its API. */
function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
