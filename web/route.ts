// Where in the page one is, as the part of the address behind `#`: it never reaches the server and can be shared.
export type Tab = 'output' | 'conversation' | 'timeline' | 'resources' | 'alerts';

export const tabs = ['output', 'conversation', 'timeline', 'resources', 'alerts'] as const satisfies readonly Tab[];

export type Route =
  | { readonly view: 'fleet' }
  /** `to` is where the link leads once its code is exchanged. */
  | { readonly view: 'login'; readonly code: string; readonly to: Destination }
  | { readonly view: 'compare'; readonly left: string; readonly right: string }
  | {
      readonly view: 'run';
      readonly runId: string;
      readonly tab: Tab;
      /** The line that a shared link points to. */
      readonly line?: number;
      /** In its place: the time whose line is looked for, in Unix nanoseconds. */
      readonly at?: string;
      /** The block of a conversation that a shared link points to, by the number of its first record. */
      readonly turn?: number;
      /** Steps whose output is shown; all if it is left out. */
      readonly steps?: readonly string[];
    };

export type Destination = Exclude<Route, { readonly view: 'login' }>;

/** Ids are checked here as well as by the server, so that nothing else ever becomes part of a request's path. */
const runIdPattern = /^[0-9a-z-]{1,64}$/;
const nsPattern = /^\d{1,19}$/;

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#/, '');
  if (!text.startsWith('code=')) return parseDestination(text);
  const [code = '', to = ''] = text.slice('code='.length).split('&to=', 2);
  return { view: 'login', code: decode(code), to: parseDestination(to) };
}

function parseDestination(text: string): Destination {
  const [path = '', query = ''] = text.split('?', 2);
  const [, first, second = '', third = ''] = path.split('/');
  if (first === 'compare' && runIdPattern.test(second) && runIdPattern.test(third))
    return { view: 'compare', left: second, right: third };
  if (first !== 'runs' || !runIdPattern.test(second)) return { view: 'fleet' };
  const params = new URLSearchParams(query);
  const line = Number(params.get('line') ?? 'none');
  const turn = Number(params.get('turn') ?? 'none');
  const at = params.get('at') ?? '';
  const steps = params.getAll('step').filter((step) => step !== '');
  return {
    view: 'run',
    runId: second,
    tab: tabs.find((tab) => tab === third) ?? 'output',
    ...(Number.isSafeInteger(line) && line >= 0 ? { line } : {}),
    ...(nsPattern.test(at) ? { at } : {}),
    ...(Number.isSafeInteger(turn) && turn >= 0 ? { turn } : {}),
    ...(steps.length > 0 ? { steps } : {}),
  };
}

export function formatRoute(route: Route): string {
  switch (route.view) {
    case 'fleet':
      return '#/';
    case 'login':
      return `#code=${encodeURIComponent(route.code)}&to=${formatRoute(route.to).slice(1)}`;
    case 'compare':
      return `#/compare/${route.left}/${route.right}`;
    case 'run': {
      const params = new URLSearchParams();
      if (route.line !== undefined) params.set('line', String(route.line));
      if (route.at !== undefined) params.set('at', route.at);
      if (route.turn !== undefined) params.set('turn', String(route.turn));
      for (const step of route.steps ?? []) params.append('step', step);
      const query = params.size === 0 ? '' : `?${params}`;
      return `#/runs/${route.runId}/${route.tab}${query}`;
    }
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
