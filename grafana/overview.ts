// The Overview: what goes on now, how runs went lately, why they failed, what they cost, and which steps to look at.
import { rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable, linkTo } from './dashboard.ts';
import { defaultHubUrl, uids } from './names.ts';
import { failurePanels } from './overview/failures.ts';
import { latelyPanels, nowPanels } from './overview/lately.ts';
import { healthPanels, moneyPanels, stepPanels } from './overview/money-and-steps.ts';
import { choiceVariable, workflowVariable } from './variables.ts';

export const overview = dashboardOf({
  uid: uids.overview,
  title: 'stepspan: Overview',
  description: 'Runs now and lately, by workflow: outcomes, durations, cost, and the steps to look at.',
  from: 'now-24h',
  refresh: '30s',
  variables: [
    workflowVariable(),
    choiceVariable(
      'window',
      'Window',
      'Over how long rates and durations are taken at each point of a graph. Runs are rare; a window that is too short shows gaps.',
      ['1h', '6h', '1d', '7d'],
      '1d',
    ),
    hubVariable(),
  ],
  annotations: [rulesAsAnnotations('workflow=~"$workflow|"')],
  links: [linkTo('Live page', '${hub}/', `Every run of this machine, as it goes on (${defaultHubUrl})`)],
  rows: [
    { title: 'Now', panels: nowPanels },
    { title: 'Lately', panels: latelyPanels },
    { title: 'What went wrong', panels: failurePanels },
    { title: 'Cost and tokens', panels: moneyPanels },
    { title: 'Steps', panels: stepPanels },
    { title: 'Is what is shown here complete?', panels: healthPanels },
  ],
});
