// Asks a running hub for a link to its page, with the token of the data folder. Called by `link` and by a run that is shown there.
import { toError } from '../core/errors.ts';
import { objectAt, parseObject, textAt } from '../core/json.ts';
import type { HubRecord, LinkAsked } from '../hub/index.ts';
import type { DataFolder } from '../journal/index.ts';

/** A hub answers from memory. */
const answerWithinMs = 10_000;

export type HubLink =
  | { readonly ok: true; readonly url: string }
  /** One sentence for a person. */
  | { readonly ok: false; readonly message: string };

/** @param hub as `runningHub` has found it */
export async function askHubLink(data: DataFolder, hub: HubRecord, asked: LinkAsked): Promise<HubLink> {
  const { loadToken } = await import('../hub/index.ts');
  try {
    const response = await fetch(`${reachable(hub.host, hub.port)}/api/v1/link`, {
      method: 'POST',
      headers: { authorization: `Bearer ${loadToken(data, 'control')}`, 'content-type': 'application/json' },
      body: JSON.stringify(asked),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const answer = parseObject(await response.text()) ?? {};
    const url = textAt(answer, 'url');
    if (url !== undefined) return { ok: true, url };
    const problem = objectAt(answer, 'error');
    const why = [textAt(problem, 'message') ?? `it answered ${response.status}.`, textAt(problem, 'fix') ?? ''];
    return { ok: false, message: `The hub refused: ${why.join(' ').trimEnd()}` };
  } catch (error) {
    return { ok: false, message: `The hub at ${hub.url} cannot be asked: ${toError(error).message}` };
  }
}

/** A hub that listens on every address is reached by the one of this machine alone. */
function reachable(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' || host === '[::]' ? '[::1]' : host;
  return `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
}
