// The Overview: which runs are active, how runs ended, why they failed, what they cost, and which steps to look at.
import { rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable, linkTo } from './dashboard.ts';
import { defaultHubUrl, uids } from './names.ts';
import { activePanels, recentPanels } from './overview/active-and-recent.ts';
import { failurePanels } from './overview/failures.ts';
import { healthPanels, moneyPanels, stepPanels } from './overview/money-and-steps.ts';
import { trendPanels } from './overview/trend.ts';
import { workPanels } from './overview/work.ts';
import { workflowVariable } from './variables.ts';

export const overview = dashboardOf({
  uid: uids.overview,
  title: 'stepspan: Overview',
  description: 'Active and ended runs by workflow: outcomes, durations, cost, and the steps to look at.',
  from: 'now-24h',
  refresh: '30s',
  variables: [workflowVariable(), hubVariable()],
  annotations: [rulesAsAnnotations('workflow=~`${workflow:regex}|`')],
  links: [linkTo('Live page', '${hub}/', `All runs of this machine, live (${defaultHubUrl})`)],
  rows: [
    { title: 'Now', panels: activePanels },
    { title: 'In this time', panels: recentPanels },
    { title: 'What went wrong?', panels: failurePanels },
    { title: 'What is getting worse?', panels: trendPanels },
    { title: 'Where does the money go?', panels: moneyPanels },
    { title: 'Steps', panels: stepPanels },
    { title: 'What was used and done?', panels: workPanels },
    { title: 'Is what is shown here complete?', panels: healthPanels },
  ],
});
