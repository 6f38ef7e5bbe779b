// The Overview on the sample runs: counts, shares, durations, costs and lists as their journals have them.
import { describe, expect, test } from 'vitest';
import { type OutcomeKind, reasonOf } from '../../../src/core/outcome.ts';
import { stepStates } from '../../../src/readers/ship/map/event-records.ts';
import type { SampleRun } from '../support/sample-runs.ts';
import {
  about,
  answerTo,
  costOf,
  ended,
  last,
  linesFor,
  most,
  outcomeOf,
  pointsOf,
  review,
  sampleStack,
  startOf,
  tally,
  valuesOf,
} from './questions.ts';

const failed: readonly OutcomeKind[] = ['failure', 'error', 'timeout'];
const stepEnds = () =>
  ended().flatMap((run) => run.events('step.finished').map((event) => ({ ...event, workflow: run.workflow })));

/** The largest point that is a number: a median of nothing is NaN. */
const shown = (points: readonly number[]): number => most(points.filter((point) => !Number.isNaN(point)));

const at = (title: string, ref = 'A') => `stepspan-overview / ${title} / ${ref}`;

export function overviewTests(): void {
  describe('the Overview', () => {
    test('knows what is active now', async () => {
      expect(await valuesOf(at('Active runs'))).toEqual({ '': 1 });
      expect(await valuesOf(at('Active steps'))).toEqual({ '': 3 });
      expect(await valuesOf(at('Stalled steps'))).toEqual({ '': 1 });
      expect(await valuesOf(at('Cost of active runs'))).toEqual({ '': 0 });
      expect(await valuesOf(at('Highest budget use'))).toEqual({ '': 0 });
      expect(await valuesOf(at('Hubs up'))).toEqual({ '': 1 });
      // A question to a person comes before what other steps do.
      expect(await valuesOf(at('What are active runs doing?'))).toEqual({ waiting_for_you: 1 });
      expect(await valuesOf(at('How far are active runs?'))).toEqual({ nightly: 0 });
      const firing = await valuesOf(at('Which alerts of runs fire?'));
      expect(Object.keys(firing)).toEqual(expect.arrayContaining(['StepspanRunFailed critical']));
      for (const count of Object.values(firing)) expect(count).toBeGreaterThan(0);
      const running = await pointsOf(at('How many runs were active?'), most);
      expect(running.running).toBeGreaterThanOrEqual(1);
      expect(running.running).toBeLessThanOrEqual(ended().length + 1);
    });

    test('lists each step that is active, with its run, its state and for how long', async () => {
      const { runId, traceId } = sampleStack().active;
      const startMs = Date.UTC(...startOf(runId));
      for (const ref of ['A', 'B', 'C']) {
        const answer = await answerTo(at('What is running now?', ref));
        if (answer.kind !== 'instant') throw new Error('not a table');
        expect(answer.rows.map(({ labels }) => labels.stepspan_step_id).sort()).toEqual([
          'approval',
          'silent',
          'watch',
        ]);
        for (const { labels, value } of answer.rows) {
          expect(labels).toMatchObject({
            cicd_pipeline_name: 'nightly',
            cicd_pipeline_run_id: runId,
            trace_id: traceId,
            run_from: String(startMs - 5000),
          });
          const states: Record<string, number> = { silent: stepStates.stalled, approval: stepStates.asking };
          const state = states[labels.stepspan_step_id ?? ''] ?? stepStates.running;
          if (ref === 'A') expect(value).toBe(state);
          else expect(Math.abs(Date.now() - startMs - value)).toBeLessThan(60_000);
        }
      }
      expect(await answerTo(at('What is running now?', 'D'))).toEqual({ kind: 'instant', rows: [] });
    });

    test('lists each question that nobody has answered, and for how long it waits', async () => {
      const { runId, traceId } = sampleStack().active;
      const answer = await answerTo(at('What waits for a person?'));
      if (answer.kind !== 'instant') throw new Error('not a table');
      expect(answer.rows.map(({ labels }) => labels)).toEqual([
        expect.objectContaining({
          cicd_pipeline_name: 'nightly',
          cicd_pipeline_run_id: runId,
          stepspan_step_id: 'approval',
          stepspan_message: 'asks for approval: Is "nightly" + 50 % done?',
          trace_id: traceId,
        }),
      ]);
      const [{ value = 0 } = {}] = answer.rows;
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(Date.now() - Date.UTC(...startOf(runId)));
    });

    test('counts how runs ended, by outcome and workflow', async () => {
      expect(await valuesOf(at('Ended runs'))).toEqual({ '': ended().length });
      const bad = ended().filter((run) => outcomeOf(run).kind !== 'success');
      expect(await valuesOf(at('Failed runs'))).toEqual({ '': bad.length });
      expect(await valuesOf(at('Retries'))).toEqual({
        '': ended().flatMap((run) => run.events('step.retrying')).length,
      });
      const judged = ended().filter((run) => outcomeOf(run).kind !== 'cancellation');
      expect(await valuesOf(at('Success rate'))).toEqual({ '': about(1 / judged.length) });
      const outcomes = await pointsOf(at('How did runs end?'), most);
      const seen = Object.keys(outcomes).filter((outcome) => outcomes[outcome]! > 0);
      expect(seen.sort()).toEqual([...new Set(ended().map((run) => outcomeOf(run).kind))].sort());
      expect(await pointsOf(at('When did which workflow fail?'), most)).toEqual({
        deploy: 0,
        late: 0,
        spender: 0,
        orphan: 0,
      });
    });

    test('counts what Claude was denied or lacked, by workflow and kind, and names the attempts', async () => {
      const counts: Record<string, number> = {};
      const attempts = ended().flatMap((run) => run.events('attempt.finished').map((event) => ({ run, ...event })));
      for (const { run, findings } of attempts) {
        for (const [kind, count] of Object.entries(findings?.counts ?? {})) {
          const name = `${kind} ${run.workflow}`;
          counts[name] = (counts[name] ?? 0) + count;
        }
      }
      expect(await valuesOf(at('What was Claude not able to do?'))).toEqual(counts);
      const rows = await linesFor(at('Which runs succeeded with warnings?'));
      const withFindings = attempts.filter(({ findings }) => findings !== undefined);
      expect(rows.map(({ metadata }) => metadata.cicd_pipeline_run_id).sort()).toEqual(
        withFindings.map(({ run }) => run.runId).sort(),
      );
      for (const { metadata } of rows) {
        expect(Number(metadata.stepspan_claude_finding_count)).toBeGreaterThan(0);
        expect(metadata.stepspan_claude_findings).toMatch(/^[^[\]"]+$/);
      }
    });

    test('has a row for each workflow, with exact durations and costs', async () => {
      const table = at('How are the workflows doing?').slice(0, -1);
      expect(await valuesOf(`${table}A`)).toEqual(tally(ended().map(({ workflow }) => workflow)));
      expect(await valuesOf(`${table}B`)).toEqual({ review: 1, deploy: 0, late: 0, spender: 0, orphan: 0 });
      const durationsOf = (workflow: string) =>
        ended()
          .filter((run) => run.workflow === workflow)
          .map((run) => run.events('run.finished')[0]!.durationMs);
      const longest = await valuesOf(`${table}D`);
      const median = await valuesOf(`${table}C`);
      for (const workflow of Object.keys(longest)) {
        const all = durationsOf(workflow);
        expect(longest[workflow], workflow).toBeCloseTo(Math.max(...all), 3);
        // Of one or two runs the median is their mean.
        expect(median[workflow], workflow).toBeCloseTo(all.reduce((sum, each) => sum + each, 0) / all.length, 3);
      }
      const costs = await valuesOf(`${table}E`);
      expect(costs.review).toBeCloseTo(costOf(sampleStack().runs.review), 9);
      expect(costs.spender).toBeCloseTo(costOf(sampleStack().runs.spender), 9);
    });

    test('draws the duration of each run, with a link to it', async () => {
      const points = await linesFor(at('How long did each run take?'));
      expect(points.map(({ metadata }) => metadata.cicd_pipeline_run_id).sort()).toEqual(
        ended()
          .map(({ runId }) => runId)
          .sort(),
      );
    });

    test('compares this time with the one before it, in which there was nothing', async () => {
      const table = at('Which workflow is getting worse?').slice(0, -1);
      expect(await valuesOf(`${table}B`)).toEqual({ review: 1, deploy: 0, late: 0, spender: 0, orphan: 0 });
      const succeeded = review().events('run.finished')[0]!;
      expect((await valuesOf(`${table}D`)).review).toBeCloseTo(succeeded.durationMs, 3);
      expect((await valuesOf(`${table}F`)).review).toBeCloseTo(succeeded.costUsd, 9);
      for (const ref of ['A', 'C', 'E', 'G']) {
        expect(await answerTo(`${table}${ref}`), ref).toEqual({ kind: 'instant', rows: [] });
      }
      const reasons = ended()
        .filter((run) => outcomeOf(run).kind !== 'success')
        .map((run) => `${run.workflow} ${reasonOf(outcomeOf(run))}`);
      expect(await valuesOf(at('Which failure is the most frequent?'))).toEqual(tally(reasons));
    });

    test('compares the models and versions of Claude Code that runs used', async () => {
      const table = at('Does it depend on the model or on the version of Claude Code?').slice(0, -1);
      const [session] = review().events('claude.session');
      const withClaude = [...sampleStack().runs.review, ...sampleStack().runs.spender];
      const nameOf = (run: SampleRun) => `${run.workflow} ${session!.model} ${session!.version}`;
      expect(await valuesOf(`${table}A`)).toEqual(
        Object.fromEntries(withClaude.map((run) => [nameOf(run), outcomeOf(run).kind === 'success' ? 1 : 0])),
      );
      expect(await valuesOf(`${table}B`)).toEqual(tally(withClaude.map(nameOf)));
      const { durationMs } = review().events('run.finished')[0]!;
      expect(await valuesOf(`${table}C`)).toEqual({ [nameOf(review())]: expect.closeTo(durationMs, 3) });
      const cost = (await valuesOf(`${table}D`))[nameOf(review())];
      expect(cost).toBeCloseTo(costOf([review()]), 6);
    });

    test('says why runs and steps did not succeed, and which', async () => {
      const bad = ended().filter((run) => outcomeOf(run).kind !== 'success');
      expect(await valuesOf(at('Why did runs fail?'))).toEqual(tally(bad.map((run) => reasonOf(outcomeOf(run)))));
      const ends = stepEnds().filter(({ outcome }) => outcome.kind !== 'success' && outcome.kind !== 'skip');
      expect(await valuesOf(at('Why did steps fail?'))).toEqual(tally(ends.map(({ outcome }) => reasonOf(outcome))));
      const rows = await linesFor(at('Which runs failed?'));
      const idsOf = (entries: typeof rows) => entries.map(({ metadata }) => metadata.cicd_pipeline_run_id).sort();
      expect(idsOf(rows)).toEqual(bad.map(({ runId }) => runId).sort());
      for (const { metadata, line } of rows) {
        const run = ended().find(({ runId }) => runId === metadata.cicd_pipeline_run_id)!;
        expect(metadata).toMatchObject({
          cicd_pipeline_name: run.workflow,
          cicd_pipeline_result: outcomeOf(run).kind,
          stepspan_reason: reasonOf(outcomeOf(run)),
          stepspan_duration_ms: String(run.events('run.finished')[0]!.durationMs),
          trace_id: run.traceId,
          stepspan_cost_usd: expect.stringMatching(/^(unknown|[\d.e-]+)$/),
        });
        expect(line).toMatch(/^run /);
        // What links to it open is its time, as those of an alert do; the record is of its end.
        const end = run.records.find((record) => record.kind === 'event' && record.event.type === 'run.finished')!;
        const endMs = Number(end.timeNs / 1_000_000n);
        const durationMs = Math.trunc(run.events('run.finished')[0]!.durationMs);
        expect(metadata).toMatchObject({ run_from: String(endMs - durationMs - 5_000), run_to: String(endMs + 5_000) });
      }
      expect(idsOf(await linesFor(at('Runs that ended')))).toEqual(
        ended()
          .map(({ runId }) => runId)
          .sort(),
      );
    });

    test('adds up cost, tokens and calls of tools', async () => {
      const cost = costOf(ended());
      expect(cost).toBeGreaterThan(0);
      expect((await valuesOf(at('Cost')))['']).toBeCloseTo(cost, 9);
      const byWorkflow = await valuesOf(at('Which workflows cost most?'));
      expect(Object.keys(byWorkflow).sort()).toEqual(['review', 'spender']);
      expect(byWorkflow.review).toBeCloseTo(costOf(sampleStack().runs.review), 9);
      expect(await valuesOf(at('Which steps cost most?'))).toEqual({
        'review ask': expect.closeTo(costOf(sampleStack().runs.review), 9),
        'spender ask': expect.closeTo(costOf(sampleStack().runs.spender), 9),
      });
      expect(await valuesOf(at('Attempts of unknown cost'))).toEqual({ '': 0 });
      // No subagent was asked; the last requests of a killed attempt are not in the telemetry.
      const byAgent = await valuesOf(at('Which agents cost most?'));
      expect(Object.keys(byAgent)).toEqual(['(main)']);
      expect(byAgent['(main)']).toBeGreaterThanOrEqual(costOf(sampleStack().runs.review) - 1e-9);
      expect(byAgent['(main)']).toBeLessThanOrEqual(cost + 1e-9);
      const byTool = await valuesOf(at('Which tools fill the context?'));
      expect(Object.keys(byTool)).toEqual(['Bash']);
      expect(byTool.Bash).toBeGreaterThan(0);
      const models = ended()
        .flatMap((run) => run.events('claude.cost'))
        .flatMap((event) => event.models);
      const names = [...new Set(models.map(({ model }) => model))].sort();
      const short = (model: string): string => model.replace(/^claude-/, '');
      expect(Object.keys(await valuesOf(at('Which models cost most?'))).sort()).toEqual(names.map(short));
      const sumOf = (field: 'inputTokens' | 'outputTokens' | 'cacheReadTokens', model: string): number =>
        models.filter((use) => use.model === model).reduce((sum, use) => sum + use[field], 0);
      const tokens = await valuesOf(at('Which tokens are used?'));
      const total = models.reduce(
        (sum, use) => sum + use.inputTokens + use.outputTokens + use.cacheReadTokens + use.cacheCreationTokens,
        0,
      );
      expect(await valuesOf(at('Tokens'))).toEqual({ '': about(total) });
      for (const model of names) {
        expect(tokens[`${short(model)} input`], model).toEqual(about(sumOf('inputTokens', model)));
        expect(tokens[`${short(model)} output`], model).toEqual(about(sumOf('outputTokens', model)));
      }
      expect(tokens[`${short(names[0]!)} cache read`]).toEqual(about(sumOf('cacheReadTokens', names[0]!)));
      expect(most(Object.values(await pointsOf(at('When were tokens used?'), most)))).toBeGreaterThan(1000);
      const spent = await pointsOf(at('When was money spent?'), most);
      expect(Object.keys(spent).sort()).toEqual(names.map(short));
      expect(await pointsOf(at('How much of their budget do runs use?'), last)).toMatchObject({
        'usd nightly': 0,
        'tokens nightly': 0,
      });
      const returned = ended().flatMap((run) => run.events('claude.tool_returned'));
      const calls = ended().flatMap((run) => run.events('claude.tool_called')).length;
      const errors = returned.filter(({ isError }) => isError).length;
      const results = {
        'error Bash': errors,
        'success Bash': returned.length - errors,
        'unanswered Bash': calls - returned.length,
      };
      expect(await valuesOf(at('How did tool calls end?'))).toEqual(
        Object.fromEntries(Object.entries(results).filter(([, count]) => count > 0)),
      );
    });

    test('names the slowest and the flakiest steps, retries and stalls', async () => {
      const ran = stepEnds().filter(({ outcome }) => outcome.kind !== 'skip');
      const slowest = await valuesOf(at('Which steps are slowest?'));
      const longest: Record<string, number> = {};
      for (const { step, workflow, durationMs } of ran) {
        const name = `${workflow} ${step}`;
        longest[name] = Math.max(longest[name] ?? 0, durationMs);
      }
      expect(Object.keys(slowest).sort()).toEqual(Object.keys(longest).sort());
      for (const [name, ms] of Object.entries(longest)) expect(slowest[name], name).toBeCloseTo(ms, 3);
      const expected: Record<string, unknown> = { 'flaky review': about(0.5) };
      for (const { step, workflow, outcome } of ran)
        if (failed.includes(outcome.kind)) expected[`${step} ${workflow}`] = about(1);
      expect(await valuesOf(at('Which steps are flakiest?'))).toEqual(expected);
      expect(Object.keys(await pointsOf(at('Are there more retries?'), most))).toEqual(['review']);
      expect(Object.keys(await pointsOf(at('Did steps stall?'), most))).toEqual(['no_output']);
    });

    test('draws how long runs and steps take, and says which workflow succeeded when', async () => {
      const longest = Math.max(...ended().map((run) => run.events('run.finished')[0]!.durationMs));
      for (const ref of ['A', 'B']) {
        const { '': seconds } = await pointsOf(at('How long do runs and steps take?', ref), shown);
        expect(seconds).toBeGreaterThan(0);
        // The bounds of a bucket are up to three times as far from each other.
        expect(seconds).toBeLessThan((3 * longest) / 1000);
      }
      const since = await valuesOf(at('When did each workflow last succeed?'));
      expect(Object.keys(since)).toEqual(
        ended()
          .filter((run) => outcomeOf(run).kind === 'success')
          .map(({ workflow }) => workflow),
      );
      for (const seconds of Object.values(since)) expect(seconds).toBeGreaterThan(0);
    });

    test('draws what is printed, and what active steps hold and run', async () => {
      for (const title of ['How many lines are printed?', 'How much is printed?']) {
        const rates = await pointsOf(at(title), most);
        expect(Object.keys(rates).sort(), title).toEqual(['debug', 'stderr', 'stdout', 'system']);
        for (const stream of ['stdout', 'stderr']) expect(rates[stream], title).toBeGreaterThan(0);
      }
      for (const title of ['How much memory do steps hold?', 'How many processes do steps run?']) {
        const { nightly } = await pointsOf(at(title), most);
        expect(nightly, title).toBeGreaterThan(0);
      }
    });

    test('names what steps used and what Claude Code says it did', async () => {
      const memory = await valuesOf(at('Which steps hold most memory?'));
      expect(Object.keys(memory)).toContain('watch nightly');
      const cpu = await valuesOf(at('Which steps use most CPU?'));
      for (const used of [...Object.values(memory), ...Object.values(cpu)]) expect(used).toBeGreaterThan(0);
      const none = [
        'Which workflows leave processes behind?',
        'Where does the API fail?',
        'How long do runs wait for people?',
        'What did people answer?',
      ];
      for (const title of none) expect(await valuesOf(at(title)), title).toEqual({});
      // A call that the end of its run cut off may have been denied before.
      const denied = ended().flatMap((run) => run.events('claude.permission_denied').map(({ tool }) => tool));
      expect(await valuesOf(at('Which tools were denied?'))).toEqual(tally(denied));
      // What Claude Code reports of itself arrives with its telemetry; all that is held is that it is a number of something.
      const reported = [
        'What did Claude Code change?',
        'What did Claude Code deliver?',
        'Which edits were accepted?',
        'How long was Claude Code active?',
      ];
      for (const title of reported) {
        for (const count of Object.values(await valuesOf(at(title)))) expect(count, title).toBeGreaterThan(0);
      }
    });

    test('says that what it shows is complete', async () => {
      expect(await valuesOf(at('Runs waiting to ship'))).toEqual({ '': 0 });
      for (const title of ['Records not taken', 'Lines lost', 'Hub errors']) {
        expect(await valuesOf(at(title)), title).toEqual({ '': 0 });
      }
      expect(await valuesOf(at('Backends up'))).toEqual({ '': 1 });
      for (const title of ['Do two counts of cost agree?', 'Do two counts of tokens agree?']) {
        const { '': results } = await valuesOf(at(title, 'A'));
        const { '': telemetry } = await valuesOf(at(title, 'B'));
        expect(results, title).toBeGreaterThan(0);
        expect(telemetry, title).toBeGreaterThan(0);
      }
      const { '': lag } = await valuesOf(at('Shipping lag'));
      expect(lag).toBeGreaterThanOrEqual(0);
      expect(lag).toBeLessThan(60);
    });
  });
}
