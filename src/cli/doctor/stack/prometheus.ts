// Prometheus from outside: whether it is ready, gets the metrics of the hub and of the other pieces, has the rules, keeps
// exemplars, and knows an Alertmanager.
import { z } from 'zod';
import { advice, bad, type Check, good } from '../check.ts';
import { ask, askJson, notReady, readYaml, shown } from './ask.ts';

const what = 'Prometheus';

/** The job under which stack/prometheus.yaml scrapes the hub; rules and dashboards do not depend on it. */
const hubJob = 'stepspan';

const targetSchema = z.object({
  labels: z.object({ job: z.string().optional() }),
  scrapeUrl: z.string(),
  health: z.enum(['up', 'down', 'unknown']),
  lastError: z.string(),
});
type Target = z.infer<typeof targetSchema>;
const targetsSchema = z.object({ data: z.object({ activeTargets: z.array(targetSchema) }) });

/** The parts of its configuration file that matter here. Prometheus shows the file before it has begun to act on it. */
const configuredSchema = z.object({
  scrape_configs: z.array(z.object({ job_name: z.string().optional() })).optional(),
  alerting: z.object({ alertmanagers: z.array(z.unknown()).optional() }).optional(),
});
type Configured = z.infer<typeof configuredSchema>;
const statusSchema = z.object({ data: z.object({ yaml: z.string() }) });

const ruleSchema = z.object({
  name: z.string(),
  type: z.string(),
  health: z.string(),
  lastError: z.string().optional(),
});
const rulesSchema = z.object({ data: z.object({ groups: z.array(z.object({ rules: z.array(ruleSchema) })) }) });
const flagsSchema = z.object({ data: z.record(z.string(), z.string()) });
const alertmanagersSchema = z.object({
  data: z.object({ activeAlertmanagers: z.array(z.object({ url: z.string() })) }),
});

/** Prometheus applies what its discovery has found every 5 s (`updatert` of its discovery manager): until then it has no target. */
const justStarted = 'it has just started and has not looked for it yet';
const askAgain = 'Ask again in a few seconds.';

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
  const answer = await askJson(url, { path: 'api/v1/status/config', schema: statusSchema });
  return readYaml(answer?.data.yaml ?? '', configuredSchema) ?? {};
}

async function checkTargets(url: string, configured: Configured): Promise<readonly Check[]> {
  const answer = await askJson(url, { path: 'api/v1/targets?state=active', schema: targetsSchema });
  const targets = answer?.data.activeTargets ?? [];
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
      'Is `stepspan serve` running on this machine, on port 9464? In docker compose, hub-door and hub-relay lead there: `docker compose ps` shows whether they run.';
    return bad(about, `${down.scrapeUrl}: ${down.lastError}`, remedy);
  }
  if (targets.length === 0) {
    if (isConfigured) return advice(about, justStarted, askAgain);
    return bad(about, `no job is called ${hubJob}`, 'Copy the job from stack/prometheus.yaml.');
  }
  if (targets.some(({ health }) => health === 'unknown')) {
    return advice(
      about,
      'it has not scraped the hub yet',
      'Ask again after its scrape interval, 15 s in stack/prometheus.yaml.',
    );
  }
  return good(about, `up, ${targets.map(({ scrapeUrl }) => scrapeUrl).join(', ')}`);
}

async function checkRules(url: string): Promise<Check> {
  const about = 'Rules of Prometheus';
  const answer = await askJson(url, { path: 'api/v1/rules', schema: rulesSchema });
  const rules = (answer?.data.groups ?? []).flatMap((group) => group.rules);
  const failing = rules.find(({ health }) => health === 'err');
  if (failing !== undefined) {
    return bad(
      about,
      `${failing.name} cannot be evaluated: ${failing.lastError}`,
      'Its expression is wrong, or reads too much.',
    );
  }
  const alerts = rules.filter(({ name, type }) => type === 'alerting' && name.startsWith('Stepspan'));
  if (alerts.length > 0) return good(about, `${alerts.length} alerts of stepspan`);
  const remedy = 'Name alerting/prometheus/*.rules.yaml in rule_files, as stack/prometheus.yaml does, and reload it.';
  return bad(about, 'it has none of stepspan, so nothing alerts', remedy);
}

async function checkExemplars(url: string): Promise<Check> {
  const about = 'Exemplars';
  const flags = await askJson(url, { path: 'api/v1/status/flags', schema: flagsSchema });
  if (flags?.data['enable-feature']?.split(',').includes('exemplar-storage') === true) return good(about, 'are kept');
  const remedy = 'Start it with --enable-feature=exemplar-storage.';
  return advice(about, 'are not kept, so a duration leads to no trace', remedy);
}

async function checkAlertmanagers(url: string, configured: Configured): Promise<Check> {
  const about = 'Alertmanager of Prometheus';
  const answer = await askJson(url, { path: 'api/v1/alertmanagers', schema: alertmanagersSchema });
  const active = answer?.data.activeAlertmanagers ?? [];
  if (active.length > 0) return good(about, active.map((each) => each.url).join(', '));
  if ((configured.alerting?.alertmanagers ?? []).length > 0) return advice(about, justStarted, askAgain);
  return bad(about, 'it has none, so its alerts reach nobody', 'Name it in `alerting`, as stack/prometheus.yaml does.');
}
