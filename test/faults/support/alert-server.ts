// A server that takes alerts as Alertmanager's API v2 does, answers as a script says, and remembers what an Alertmanager would know:
// alerts by their labels, each with the starts that it was given. The real one is in test/stack.
import { jsonOf, serveHttp } from '../../support/http-server.ts';

export type Posted = { readonly labels: Readonly<Record<string, string>>; readonly startsAt: string };

export type Answer =
  | { readonly kind: 'take' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: string;
    }
  /** Breaks the connection; with `takes` it has the alerts all the same, as when an answer is lost. */
  | { readonly kind: 'reset'; readonly takes?: boolean }
  | { readonly kind: 'hang' };

export type Known = { readonly alertname: string; readonly starts: ReadonlySet<string> };

export type AlertServer = {
  readonly url: string;
  readonly requests: () => number;
  /** By their labels, which are the identity of an alert. */
  readonly known: () => ReadonlyMap<string, Known>;
  readonly close: () => Promise<void>;
};

/** @param answer to a request, from its alerts and how many requests came before it */
export async function startAlertServer(
  answer: (alerts: readonly Posted[], index: number) => Answer | Promise<Answer>,
): Promise<AlertServer> {
  const known = new Map<string, { readonly alertname: string; readonly starts: Set<string> }>();
  let requests = 0;
  const take = (alerts: readonly Posted[]): void => {
    for (const { labels, startsAt } of alerts) {
      const identity = JSON.stringify(Object.entries(labels).sort());
      const alert = known.get(identity) ?? { alertname: labels.alertname ?? '', starts: new Set<string>() };
      known.set(identity, alert);
      alert.starts.add(startsAt);
    }
  };
  const { url, close } = await serveHttp(async (request, response) => {
    const alerts = await jsonOf<readonly Posted[]>(request);
    const said = await answer(alerts, requests++);
    switch (said.kind) {
      case 'take':
        take(alerts);
        response.writeHead(200).end();
        break;
      case 'status':
        response.writeHead(said.status, said.headers).end(said.body);
        break;
      case 'reset':
        if (said.takes) take(alerts);
        response.socket?.resetAndDestroy();
        break;
      case 'hang':
        break;
    }
  });
  return {
    url,
    close,
    requests: () => requests,
    known: () => known,
  };
}
