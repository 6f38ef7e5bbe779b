// stepspan as a library: two workflows made in code. The first is run to its end, the second is followed while it runs.
// Run it in a folder where stepspan is installed: node library.mjs
import { linesOf, runWorkflow, startWorkflow } from 'stepspan';

const { log } = console;

// 1. Run to the end, and read what came of it.

const greeted = await runWorkflow({
  workflow: {
    name: 'greet',
    params: { who: 'world' },
    labels: { team: 'docs', who: '{{ params.who }}' },
    steps: [
      { id: 'greet', run: 'echo "hello, $STEPSPAN_PARAM_WHO"' },
      { id: 'shout', needs: 'greet', run: 'tr a-z A-Z <<< "$STEPSPAN_OUTPUT_GREET"' },
    ],
  },
  params: { who: 'library' },
});
// Anything else was not started; `kind` says why, and `message` is for people.
if (greeted.kind !== 'finished') throw new Error(greeted.message);

log(`${greeted.workflow} of team ${greeted.labels.team}: ${greeted.outcome}, ${greeted.lines.stdout} lines`);
for (const step of greeted.steps) log(`  ${step.id}: ${step.outcome} after ${step.attempts} attempt(s)`);

// 2. Start, follow, and step in.

const started = await startWorkflow({
  workflow: {
    name: 'watch',
    steps: [
      { id: 'count', run: 'for i in 1 2 3; do echo "line $i"; sleep 0.1; done' },
      { id: 'endless', needs: 'count', run: 'echo ready; sleep 1000' },
    ],
  },
});
if (started.kind !== 'started') throw new Error(started.message);
const { run } = started;

// Ctrl-C is the program's to handle; a run that is cancelled ends its processes first.
process.once('SIGINT', () => run.cancel('SIGINT'));

// The journal can be read from any place on, at any speed; a slow reader holds nothing up.
for await (const records of run.journal.read({ from: 0, follow: true })) {
  for (const record of records) {
    const step = record.subject?.step ?? 'run';
    if (record.kind === 'event') {
      if (record.event.type === 'step.finished') log(`${step} ended: ${record.event.outcome.kind}`);
      continue;
    }
    for (const { bytes } of linesOf(record)) {
      log(`${step} | ${bytes.toString()}`);
      if (bytes.toString() === 'ready') run.cancel('api');
    }
  }
}

const { result } = await run.done;
log(`${result.workflow}: ${result.outcome} (${result.message})`);
