// Where in the page one is and what one has chosen there, as the part of the address behind `#`: it never reaches the server and can
// be shared. What is not chosen is not in it.
import { type Severity, type Stream, severities, streams } from '../src/text/stream.ts';
import { type FleetFilter, stateFilters } from './model/fleet.ts';

export const tabs = ['output', 'conversation', 'timeline', 'resources', 'alerts', 'summary'] as const;

export type Tab = (typeof tabs)[number];

export type Route =
  | ({ readonly view: 'fleet' } & Partial<FleetChoice>)
  /** `to` is where the link leads once its code is exchanged. */
  | { readonly view: 'login'; readonly code: string; readonly to: Destination }
  | { readonly view: 'compare'; readonly left: string; readonly right: string }
  /** A search over the output of all runs, or of those of a workflow; '' for any. */
  | { readonly view: 'search'; readonly text: string; readonly workflow: string }
  | {
      readonly view: 'run';
      readonly runId: string;
      readonly tab: Tab;
      /** The line that a shared link points to, and the last one if it points to several. */
      readonly line?: number;
      readonly to?: number;
      /** The line at the top of the screen, while the end is not followed. */
      readonly top?: number;
      /** In its place: the time whose line is looked for, in Unix nanoseconds. */
      readonly at?: string;
      /** The block of a conversation that a shared link points to, by the number of its first record. */
      readonly turn?: number;
      /** The span of the timeline whose details are shown. */
      readonly span?: string;
      /** Steps whose output is shown; all if it is left out. */
      readonly steps?: readonly string[];
      /** Empty for all of them; those that are usual if it is left out. */
      readonly streams?: readonly Stream[];
      readonly severities?: readonly Severity[];
      /** What is looked for in the output. */
      readonly search?: string;
    };

export type RunRoute = Extract<Route, { readonly view: 'run' }>;

/** The same choices, and no line, no turn and no span. */
export function withoutPlace(route: RunRoute): RunRoute {
  const { line: _line, to: _to, top: _top, at: _at, turn: _turn, span: _span, ...rest } = route;
  return rest;
}

/** Which runs are listed. */
export type FleetChoice = FleetFilter;

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
  const params = new URLSearchParams(query);
  if (first === 'search')
    return { view: 'search', text: params.get('text') ?? '', workflow: params.get('workflow') ?? '' };
  if (first !== 'runs' || !runIdPattern.test(second)) return { view: 'fleet', ...parseFleet(params) };
  const [line, to, top, turn] = ['line', 'to', 'top', 'turn'].map((name) => numberIn(params, name));
  const [at = '', span = ''] = ['at', 'span'].map((name) => params.get(name) ?? '');
  const steps = params.getAll('step').filter((step) => step !== '');
  const chosenStreams = params.getAll('stream');
  const known = streams.filter((stream) => chosenStreams.includes(stream));
  const chosenSeverities = severities.filter((severity) => params.getAll('severity').includes(severity));
  const search = params.get('search') ?? '';
  return {
    view: 'run',
    runId: second,
    tab: tabs.find((tab) => tab === third) ?? 'output',
    ...(line === undefined ? {} : { line }),
    ...(to === undefined ? {} : { to }),
    ...(top === undefined ? {} : { top }),
    ...(nsPattern.test(at) ? { at } : {}),
    ...(turn === undefined ? {} : { turn }),
    ...(span === '' ? {} : { span }),
    ...(steps.length > 0 ? { steps } : {}),
    ...(known.length > 0 || chosenStreams.includes('all') ? { streams: known } : {}),
    ...(chosenSeverities.length > 0 ? { severities: chosenSeverities } : {}),
    ...(search === '' ? {} : { search }),
  };
}

function parseFleet(params: URLSearchParams): Partial<FleetChoice> {
  const state = stateFilters.find((each) => each === params.get('state'));
  const workflow = params.get('workflow') ?? '';
  const [label = '', search = ''] = ['label', 'search'].map((name) => params.get(name) ?? '');
  return {
    ...(state === undefined ? {} : { state }),
    ...(workflow === '' ? {} : { workflow }),
    ...(label === '' ? {} : { label }),
    ...(search === '' ? {} : { search }),
  };
}

function numberIn(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function formatRoute(route: Route): string {
  switch (route.view) {
    case 'fleet': {
      const { state, workflow = '', label = '', search = '' } = route;
      const states = state === 'all' ? [] : [state ?? ''];
      return `#/${queryOf({ state: states, workflow: [workflow], label: [label], search: [search] })}`;
    }
    case 'login':
      return `#code=${encodeURIComponent(route.code)}&to=${formatRoute(route.to).slice(1)}`;
    case 'compare':
      return `#/compare/${route.left}/${route.right}`;
    case 'search':
      return `#/search${queryOf({ text: [route.text], workflow: [route.workflow] })}`;
    case 'run': {
      const {
        line,
        to,
        top,
        turn,
        at = '',
        span = '',
        steps = [],
        streams: shown,
        severities: wanted = [],
        search = '',
      } = route;
      const numbers = { line: textOf(line), to: textOf(to), top: textOf(top) };
      const stream = shown?.length === 0 ? ['all'] : (shown ?? []);
      const place = { ...numbers, at: [at], turn: textOf(turn), span: [span] };
      const query = queryOf({ ...place, step: steps, stream, severity: wanted, search: [search] });
      return `#/runs/${route.runId}/${route.tab}${query}`;
    }
  }
}

function textOf(number: number | undefined): readonly string[] {
  return number === undefined ? [] : [String(number)];
}

/** Without what is empty. */
function queryOf(lists: Readonly<Record<string, readonly string[]>>): string {
  const params = new URLSearchParams();
  for (const [name, values] of Object.entries(lists))
    for (const value of values) if (value !== '') params.append(name, value);
  return params.size === 0 ? '' : `?${params}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
