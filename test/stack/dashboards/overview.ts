// The Overview on the sample runs: counts, shares, durations, costs and lists as their journals have them.
import { describe, expect, test } from 'vitest';
import { type OutcomeKind, reasonOf } from '../../../src/core/outcome.ts';
import {
  about,
  answerTo,
  costOf,
  ended,
  inBucketOf,
  last,
  linesFor,
  most,
  outcomeOf,
  pointsOf,
  review,
  sampleStack,
  tally,
  valuesOf,
} from './questions.ts';

const failed: readonly OutcomeKind[] = ['failure', 'error', 'timeout'];
const stepEnds = () =>
  ended().flatMap((run) => run.events('step.finished').map((event) => ({ ...event, workflow: run.workflow })));

export function overviewTests(): void {
  describe('the Overview', () => {
    const at = (title: string, ref = 'A') => `stepspan-overview / ${title} / ${ref}`;

    test('knows what goes on now', async () => {
      expect(await valuesOf(at('Runs going on'))).toEqual({ '': 1 });
      expect(await valuesOf(at('Steps going on'))).toEqual({ '': 2 });
      expect(await valuesOf(at('Steps that are stalled'))).toEqual({ '': 1 });
      expect(await valuesOf(at('Cost of the runs going on'))).toEqual({ '': 0 });
      expect(await valuesOf(at('Largest budget use'))).toEqual({ '': 0 });
      expect(await valuesOf(at('Is every hub there?'))).toEqual({ '': 1 });
      expect(await pointsOf(at('Which workflows are running?'), last)).toMatchObject({
        nightly: 1,
        review: 0,
        orphan: 0,
      });
    });

    test('counts how runs ended, by outcome and workflow', async () => {
      expect(await valuesOf(at('Runs that ended'))).toEqual({ '': ended().length });
      const bad = ended().filter((run) => outcomeOf(run).kind !== 'success');
      expect(await valuesOf(at('Runs that did not succeed'))).toEqual({ '': bad.length });
      expect(await valuesOf(at('Retries'))).toEqual({
        '': ended().flatMap((run) => run.events('step.retrying')).length,
      });
      const judged = ended().filter((run) => outcomeOf(run).kind !== 'cancellation');
      expect(await valuesOf(at('Success rate'))).toEqual({ '': about(1 / judged.length) });
      const outcomes = await pointsOf(at('How did runs end?'), most);
      const seen = Object.keys(outcomes).filter((outcome) => outcomes[outcome]! > 0);
      expect(seen.sort()).toEqual([...new Set(ended().map((run) => outcomeOf(run).kind))].sort());
      expect(await pointsOf(at('Does the success rate hold?'), last)).toEqual({
        review: 1,
        deploy: 0,
        late: 0,
        spender: 0,
        orphan: 0,
      });
    });

    test('counts what Claude was denied or lacked, by kind', async () => {
      const counts: Record<string, number> = {};
      for (const { findings } of ended().flatMap((run) => run.events('attempt.finished'))) {
        for (const [kind, count] of Object.entries(findings?.counts ?? {})) counts[kind] = (counts[kind] ?? 0) + count;
      }
      expect(await valuesOf(at('What was Claude not able to do?'))).toEqual(counts);
    });

    test('has a row for each workflow, with durations in the bucket of the run', async () => {
      const table = at('How are the workflows doing?').slice(0, -1);
      expect(await valuesOf(`${table}A`)).toEqual({ ...tally(ended().map(({ workflow }) => workflow)), nightly: 0 });
      expect(await valuesOf(`${table}B`)).toEqual({ review: 1, deploy: 0, late: 0, spender: 0, orphan: 0 });
      for (const ref of ['C', 'D']) {
        const quantiles = await valuesOf(`${table}${ref}`);
        for (const run of ended().filter(({ workflow }) => workflow !== 'deploy')) {
          const { durationMs } = run.events('run.finished')[0]!;
          expect(quantiles[run.workflow], `${ref} ${run.workflow}`).toEqual(inBucketOf(durationMs / 1000));
        }
      }
      const costs = await valuesOf(`${table}E`);
      expect(costs).toMatchObject({
        review: about(costOf(sampleStack().runs.review)),
        spender: about(costOf(sampleStack().runs.spender)),
      });
      const { review: lastSuccess, ...others } = await valuesOf(`${table}F`);
      expect(others).toEqual({});
      expect(Math.abs((lastSuccess ?? 0) - Number(review().records.at(-1)!.timeNs / 1_000_000n))).toBeLessThan(1000);
    });

    test('draws durations of what succeeded, and nothing for a week in which there was nothing', async () => {
      const seconds = review().events('run.finished')[0]!.durationMs / 1000;
      const graph = at('Do runs take longer than a week before?').slice(0, -1);
      for (const ref of ['A', 'B'])
        expect(Object.values(await pointsOf(`${graph}${ref}`, last))).toEqual([inBucketOf(seconds)]);
      for (const ref of ['C', 'D']) expect(await answerTo(`${graph}${ref}`)).toEqual({ kind: 'range', series: [] });
    });

    test('says why runs and steps did not succeed, and which', async () => {
      const bad = ended().filter((run) => outcomeOf(run).kind !== 'success');
      expect(await valuesOf(at('Why did runs not succeed?'))).toEqual(
        tally(bad.map((run) => reasonOf(outcomeOf(run)))),
      );
      const ends = stepEnds().filter(({ outcome }) => outcome.kind !== 'success' && outcome.kind !== 'skip');
      expect(await valuesOf(at('Why did steps not succeed?'))).toEqual(
        tally(ends.map(({ outcome }) => reasonOf(outcome))),
      );
      const rows = await linesFor(at('Which runs did not succeed?'));
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
        });
        expect(line).toMatch(/^run /);
        // What links to it open is its time, as those of an alert do; the record is of its end.
        const end = run.records.find((record) => record.kind === 'event' && record.event.type === 'run.finished')!;
        const endMs = Number(end.timeNs / 1_000_000n);
        const durationMs = Math.trunc(run.events('run.finished')[0]!.durationMs);
        expect(metadata).toMatchObject({ run_from: String(endMs - durationMs - 5_000), run_to: String(endMs + 5_000) });
      }
      expect(idsOf(await linesFor(at('Runs that ended lately')))).toEqual(
        ended()
          .map(({ runId }) => runId)
          .sort(),
      );
    });

    test('adds up cost, tokens and calls of tools', async () => {
      const cost = costOf(ended());
      expect(cost).toBeGreaterThan(0);
      expect(await valuesOf(at('Cost in this time'))).toEqual({ '': about(cost) });
      expect(await valuesOf(at('Which workflows cost most?'))).toEqual({
        review: about(costOf(sampleStack().runs.review)),
        spender: about(costOf(sampleStack().runs.spender)),
      });
      const models = ended()
        .flatMap((run) => run.events('claude.cost'))
        .flatMap((event) => event.models);
      const names = [...new Set(models.map(({ model }) => model))].sort();
      expect(Object.keys(await valuesOf(at('Which models cost most?'))).sort()).toEqual(names);
      const sumOf = (field: 'inputTokens' | 'outputTokens' | 'cacheReadTokens', model: string): number =>
        models.filter((use) => use.model === model).reduce((sum, use) => sum + use[field], 0);
      const tokens = await valuesOf(at('Tokens by model and type'));
      const total = models.reduce(
        (sum, use) => sum + use.inputTokens + use.outputTokens + use.cacheReadTokens + use.cacheCreationTokens,
        0,
      );
      expect(await valuesOf(at('Tokens'))).toEqual({ '': about(total) });
      for (const model of names) {
        expect(tokens[`${model} input`], model).toEqual(about(sumOf('inputTokens', model)));
        expect(tokens[`${model} output`], model).toEqual(about(sumOf('outputTokens', model)));
      }
      expect(tokens[`${names[0]} cache_read`]).toEqual(about(sumOf('cacheReadTokens', names[0]!)));
      expect(most(Object.values(await pointsOf(at('Where do the tokens go?'), most)))).toBeGreaterThan(1000);
      const spent = await pointsOf(at('When was money spent?'), most);
      expect(
        Object.keys(spent)
          .filter((workflow) => spent[workflow]! > 0)
          .sort(),
      ).toEqual(['review', 'spender']);
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
      expect(await valuesOf(at('What did the calls of tools give?'))).toEqual(
        Object.fromEntries(Object.entries(results).filter(([, count]) => count > 0)),
      );
    });

    test('names the slowest and the flakiest steps, retries and stalls', async () => {
      const ran = stepEnds().filter(({ outcome }) => outcome.kind !== 'skip');
      const slowest = await valuesOf(at('Which steps are slowest?'));
      expect(Object.keys(slowest).sort()).toEqual(
        [...new Set(ran.map(({ step, workflow }) => `${step} ${workflow}`))].sort(),
      );
      const expected: Record<string, unknown> = { 'flaky review': about(0.5) };
      for (const { step, workflow, outcome } of ran)
        if (failed.includes(outcome.kind)) expected[`${step} ${workflow}`] = about(1);
      expect(await valuesOf(at('Which steps are flakiest?'))).toEqual(expected);
      const retries = await pointsOf(at('Are there more retries?'), most);
      expect(Object.keys(retries).filter((workflow) => retries[workflow]! > 0)).toEqual(['review']);
      const stalls = await pointsOf(at('Did steps stall?'), most);
      expect(Object.keys(stalls).filter((cause) => stalls[cause]! > 0)).toEqual(['no_output']);
    });

    test('says that what it shows is complete', async () => {
      expect(await valuesOf(at('Runs waiting to be shipped'))).toEqual({ '': 0 });
      for (const title of ['Records not taken', 'Lines lost', 'Errors of the hub', 'API retries of Claude Code']) {
        expect(await valuesOf(at(title)), title).toEqual({ '': 0 });
      }
      const { '': lag } = await valuesOf(at('Shipping lag'));
      expect(lag).toBeGreaterThanOrEqual(0);
      expect(lag).toBeLessThan(60);
    });
  });
}
