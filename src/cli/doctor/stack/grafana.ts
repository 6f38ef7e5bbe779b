// Grafana from outside: whether it is healthy, and, with a login, whether it has the data sources and dashboards and they work.
import { z } from 'zod';
import { grafanaSources } from '../../links.ts';
import { bad, type Check, good, leftOut } from '../check.ts';
import { ask, notReady, readJson, shown } from './ask.ts';

const what = 'Grafana';

/** As grafana/ provisions them; a test compares the two. */
export const provisioned = {
  sources: Object.values(grafanaSources),
  dashboards: ['stepspan-overview', 'stepspan-run', 'stepspan-logs', 'stepspan-health'],
} as const;

/** Grafana can check these itself; it has no such check for an Alertmanager. */
const selfChecking = new Set<string>([grafanaSources.prometheus, grafanaSources.loki, grafanaSources.tempo]);

/** A variable and not a flag, because other users of a machine can see the flags of a process. */
const loginVariable = 'STEPSPAN_GRAFANA_LOGIN';

const healthSchema = z.object({ database: z.string().optional(), version: z.string().optional() });

/** @param login `user:password`, or the token of a service account; undefined checks nothing that needs one */
export async function checkGrafana(url: string, login: string | undefined): Promise<readonly Check[]> {
  const health = await ask(url, 'api/health');
  const failed = notReady(what, url, 'grafana', health);
  if (failed !== undefined) return [failed];
  const { database, version } = (health.kind === 'answered' && readJson(health.text, healthSchema)) || {};
  if (database !== 'ok')
    return [bad(what, `${shown(url)}: its database is ${database ?? 'unknown'}`, 'Its own log says why.')];
  const healthy = good(what, `${shown(url)}, version ${version ?? 'unknown'}`);
  const about = 'Data sources and dashboards';
  if (login === undefined) {
    const remedy = `Set ${loginVariable} to user:password or to the token of a service account; docs/stack.md says where the password is.`;
    return [healthy, leftOut(about, 'no login is set', remedy)];
  }
  const basic = `Basic ${Buffer.from(login).toString('base64')}`;
  const headers = { authorization: login.includes(':') ? basic : `Bearer ${login}` };
  const allowed = await ask(url, `api/datasources/uid/${grafanaSources.prometheus}`, { headers });
  if (allowed.kind === 'answered' && (allowed.status === 401 || allowed.status === 403)) {
    const remedy = `Set ${loginVariable} to the user:password or the token of an account that may see data sources.`;
    return [healthy, bad(about, `it answers ${allowed.status} to this login`, remedy)];
  }
  const sources = await Promise.all(provisioned.sources.map((uid) => sourceProblem(url, headers, uid)));
  const dashboards = await Promise.all(
    provisioned.dashboards.map(async (uid) =>
      (await ok(url, `api/dashboards/uid/${uid}`, headers)) ? undefined : uid,
    ),
  );
  const missing = dashboards.filter((uid) => uid !== undefined);
  const broken = sources.filter((problem) => problem !== undefined);
  const remedy =
    'grafana/provisioning has them; point GF_PATHS_PROVISIONING there. Grafana logs what it could not load.';
  return [
    healthy,
    broken.length === 0
      ? good('Data sources', `${provisioned.sources.length}, all working`)
      : bad('Data sources', broken.join('; '), remedy),
    missing.length === 0
      ? good('Dashboards', provisioned.dashboards.map((uid) => `${shown(url)}/d/${uid}`).join(' '))
      : bad('Dashboards', `missing: ${missing.join(', ')}`, remedy),
  ];
}

async function sourceProblem(url: string, headers: Record<string, string>, uid: string): Promise<string | undefined> {
  if (!(await ok(url, `api/datasources/uid/${uid}`, headers))) return `${uid} is missing`;
  if (!selfChecking.has(uid)) return undefined;
  const health = await ask(url, `api/datasources/uid/${uid}/health`, { headers });
  if (health.kind === 'answered' && health.ok) return undefined;
  const why = health.kind === 'silent' ? health.why : health.text.slice(0, 200);
  return `${uid} does not work: ${why}`;
}

async function ok(url: string, path: string, headers: Record<string, string>): Promise<boolean> {
  const answer = await ask(url, path, { headers });
  return answer.kind === 'answered' && answer.ok;
}
