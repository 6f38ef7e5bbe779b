// Prometheus from outside: whether it is ready, gets the metrics of the hub and of the other pieces, has the rules, keeps
// exemplars, and knows an Alertmanager.
import { advice, bad, type Check, good } from '../check.ts';
import { ask, askJson, notReady, parsedYaml, shown } from './ask.ts';

const what = 'Prometheus';

/** The job under which stack/prometheus.yaml scrapes the hub; rules and dashboards do not ask for it. */
const hubJob = 'stepspan';

type Target = {
  readonly labels: { readonly job?: string };
  readonly scrapeUrl: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
};

/** What its configuration file says, as far as it is asked for; it says so before Prometheus has begun to act on it. */
type Configured = {
  readonly scrape_configs?: readonly { readonly job_name?: string }[];
  readonly alerting?: { readonly alertmanagers?: readonly unknown[] };
};

/** Prometheus takes up what its discovery has found every 5 s (`updatert` of its discovery manager): until then it has no target. */
const justStarted = 'it has just started, and has not looked for it yet';
const askAgain = 'Ask again in some seconds.';

export async function checkPrometheus(url: string): Promise<readonly Check[]> {
  const failed = notReady(what, url, 'prometheus', await ask(url, '-/ready'));
  if (failed !== undefined) return [failed];
  const configured = await askConfigured(url);
  return [
    good(what, `${shown(url)} is ready`),
    ...(await checkTargets(url, configured)),
    await checkRules(url),
    await checkExemplars(url),
    await checkAlertmanagers(url, configured),
  ];
}

async function askConfigured(url: string): Promise<Configured> {
  const answer = await askJson<{ data?: { yaml?: string } }>(url, 'api/v1/status/config');
  return parsedYaml<Configured | null>(answer?.data?.yaml ?? '') ?? {};
}

async function checkTargets(url: string, configured: Configured): Promise<readonly Check[]> {
  const answer = await askJson<{ data?: { activeTargets?: Target[] } }>(url, 'api/v1/targets?state=active');
  const targets = answer?.data?.activeTargets ?? [];
  const others = targets.filter(({ labels, health }) => labels.job !== hubJob && health === 'down');
  return [
    checkHubTarget(
      targets.filter(({ labels }) => labels.job === hubJob),
      configured.scrape_configs?.some(({ job_name }) => job_name === hubJob) === true,
    ),
    ...others.map(({ labels, scrapeUrl, lastError }) =>
      advice(
        `Scrape of ${labels.job}`,
        `${scrapeUrl}: ${lastError}`,
        'Its panel and its alerts stay empty until it is up.',
      ),
    ),
  ];
}

function checkHubTarget(targets: readonly Target[], isConfigured: boolean): Check {
  const about = 'Scrape of the hub';
  const [down] = targets.filter(({ health }) => health === 'down');
  if (down !== undefined) {
    const remedy =
      'Is `stepspan serve` running on this machine, on port 9464? In docker compose hub-door and hub-relay lead there: `docker compose ps`.';
    return bad(about, `${down.scrapeUrl}: ${down.lastError}`, remedy);
  }
  if (targets.length === 0) {
    if (isConfigured) return advice(about, justStarted, askAgain);
    return bad(about, `no job is called ${hubJob}`, 'stack/prometheus.yaml has the job; take it over.');
  }
  if (targets.some(({ health }) => health === 'unknown')) {
    return advice(
      about,
      'it has not scraped yet',
      'Ask again after its scrape interval, 15 s in stack/prometheus.yaml.',
    );
  }
  return good(about, `up, ${targets.map(({ scrapeUrl }) => scrapeUrl).join(', ')}`);
}

async function checkRules(url: string): Promise<Check> {
  const about = 'Rules of Prometheus';
  type Rule = { readonly name: string; readonly type: string; readonly health: string; readonly lastError?: string };
  const answer = await askJson<{ data?: { groups?: { rules: Rule[] }[] } }>(url, 'api/v1/rules');
  const rules = (answer?.data?.groups ?? []).flatMap((group) => group.rules);
  const failing = rules.find(({ health }) => health === 'err');
  if (failing !== undefined) {
    return bad(
      about,
      `${failing.name} cannot be evaluated: ${failing.lastError}`,
      'Its expression is wrong, or asks too much.',
    );
  }
  const alerts = rules.filter(({ name, type }) => type === 'alerting' && name.startsWith('Stepspan'));
  if (alerts.length > 0) return good(about, `${alerts.length} alerts of stepspan`);
  const remedy = 'Name alerting/prometheus/*.rules.yaml in rule_files, as stack/prometheus.yaml does, and reload it.';
  return bad(about, 'it has none of stepspan, so nothing alerts', remedy);
}

async function checkExemplars(url: string): Promise<Check> {
  const about = 'Exemplars';
  const flags = await askJson<{ data?: Record<string, string> }>(url, 'api/v1/status/flags');
  if (flags?.data?.['enable-feature']?.split(',').includes('exemplar-storage') === true) return good(about, 'are kept');
  const remedy = 'Start it with --enable-feature=exemplar-storage.';
  return advice(about, 'are not kept, so a duration leads to no trace', remedy);
}

async function checkAlertmanagers(url: string, configured: Configured): Promise<Check> {
  const about = 'Alertmanager of Prometheus';
  const answer = await askJson<{ data?: { activeAlertmanagers?: { url: string }[] } }>(url, 'api/v1/alertmanagers');
  const active = answer?.data?.activeAlertmanagers ?? [];
  if (active.length > 0) return good(about, active.map((each) => each.url).join(', '));
  if ((configured.alerting?.alertmanagers ?? []).length > 0) return advice(about, justStarted, askAgain);
  return bad(
    about,
    'it knows none, so its alerts reach nobody',
    'Name it in `alerting`, as stack/prometheus.yaml does.',
  );
}
