// The live view, drawn on a terminal of a given size: what a person sees at each moment, whatever the children print.
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { chooseSteps, frameOf } from '../../src/cli/terminal/frame.ts';
import { createLiveView, type LiveView, type LiveViewOptions } from '../../src/cli/terminal/live-view.ts';
import { asciiGlyphs, createStyle, unicodeGlyphs } from '../../src/cli/terminal/style.ts';
import type { JournalRecord } from '../../src/core/record.ts';
import { foldAll } from '../../src/runs/fold-run.ts';
import { viewRun } from '../../src/runs/make-view.ts';
import { textWidth } from '../../src/text/width.ts';
import {
  anyJournal,
  attemptFinished,
  attemptStarted,
  exit1,
  type HandMade,
  journalOf,
  modelUse,
  runFinished,
  runStarted,
  startNs,
  stepFinished,
} from '../runs/journal-of.ts';
import { VtScreen } from './vt-screen.ts';

const startMs = Number(startNs / 1_000_000n);
let open: LiveView | undefined;

afterEach(() => {
  open?.close();
  vi.useRealTimers();
});

function viewOn(screen: VtScreen, nowMs: number, options: Partial<LiveViewOptions> = {}): LiveView {
  const base = { out: screen, style: createStyle(false), glyphs: unicodeGlyphs, now: () => nowMs, rate: 1 };
  open = createLiveView({ ...base, ...options });
  return open;
}

function show(view: LiveView, made: HandMade): void {
  void view.update(made.records, foldAll(made.records));
  view.redraw();
}

const viewOf = (records: readonly JournalRecord[]) =>
  viewRun(foldAll(records), { nowMs: startMs, isWriterGone: false });

const review = { id: 'review', name: 'Review', kind: 'claude' as const, needs: [] };
const build = { id: 'build', name: 'Build', kind: 'run' as const, needs: [] };
const deploy = { id: 'deploy', name: 'Deploy', kind: 'run' as const, needs: ['build', 'review'] };

function midRun(): HandMade {
  return journalOf()
    .event(runStarted([], { steps: [build, review, deploy] }))
    .event({ type: 'step.started' }, 'build')
    .event(attemptStarted, 'build')
    .output('\u001b[32mcompiled\u001b[0m 12 files\n', 'build')
    .event(stepFinished(undefined, 2500), 'build')
    .event({ type: 'step.started' }, 'review')
    .event(attemptStarted, 'review')
    .output('Looking at the tests\n', 'review')
    .event({ type: 'claude.usage', messageId: 'm', usage: modelUse('opus', 10, 0.0312) }, 'review')
    .event(
      { type: 'claude.tool_called', toolUseId: 't', tool: 'Bash', input: '{}', parentToolUseId: undefined },
      'review',
    );
}

describe('the list', () => {
  test('shows each step with its sign, time, cost and last line, and the run below', () => {
    const screen = new VtScreen();
    const history = new Map([
      ['review', [20_000]],
      ['deploy', [5000]],
    ]);
    show(viewOn(screen, startMs + 17_000, { history }), midRun());
    expect(screen.text()).toBe(
      [
        '✓ Build      2.5 s',
        '▶ Review      12 s ~$0.0312  Bash',
        '· Deploy',
        'nightly  17 s  1 of 3 steps  ~$0.0312  about 13 s left',
      ].join('\n'),
    );
    expect(screen.cursorShown).toBe(false);
  });

  test('is redrawn in place, and taken away for the summary at the end', () => {
    const screen = new VtScreen();
    const view = viewOn(screen, startMs + 60_000);
    const made = midRun();
    for (let count = 1; count <= made.records.length; count++) {
      const part = made.records.slice(0, count);
      void view.update(part.slice(-1), foldAll(part));
      view.redraw();
    }
    expect(screen.all().split('\n')).toHaveLength(4);
    made.event({ type: 'claude.cost', costUsd: 0.5, estimated: false, models: [modelUse('opus', 999, 0.5)] }, 'review');
    made.event(stepFinished(exit1, 30_000), 'review');
    made.event(stepFinished({ kind: 'skip', reason: 'need', message: 'review did not succeed' }, 0, 0), 'deploy');
    made.event({ type: 'secret.redacted', kinds: { github: 2, env: 1 } });
    made.event({ type: 'journal.lost', reason: 'disk', lines: 5, events: 0, bytes: 10, reader: undefined });
    made.event(runFinished({ kind: 'failure', reason: 'step_failed', message: 'review failed' }, 61_000));
    void view.update([], foldAll(made.records));
    view.close({ pending: 12, links: [{ label: 'trace', url: 'https://grafana.example.com/t/1' }] });
    expect(screen.all()).toBe(
      [
        '   STEP    OUTCOME    TIME  TRIES   COST  TOKENS',
        '✓  Build   success   2.5 s      1',
        '✗  Review  failure  30.0 s      1  $0.50   1,000  exit code 1',
        '−  Deploy  skip        0 s                        review did not succeed',
        '',
        '✗ nightly failure in 1 m 01 s, $0.50, 1,000 tokens, 2 lines',
        '  review failed',
        '  3 secrets hidden (2 github, 1 env)',
        '  5 lines and 0 events lost (disk)',
        '  12 records still to ship: stepspan ship 20261123-151402-abc123',
        '  to continue: stepspan resume 20261123-151402-abc123',
        '  run 20261123-151402-abc123: stepspan show 20261123-151402-abc123',
        '  trace: https://grafana.example.com/t/1',
      ].join('\n'),
    );
    expect(screen.cursorShown).toBe(true);
  });

  test('says why a step makes no progress', () => {
    const screen = new VtScreen();
    const made = midRun();
    made.event({ type: 'stall.detected', cause: 'no_output', durationMs: 60_000, action: 'none' }, 'review');
    const view = viewOn(screen, startMs + 20_000);
    show(view, made);
    expect(screen.text()).toContain('stalled (no output) for 1 m 10 s');
    made.event({ type: 'stall.cleared', cause: 'no_output', durationMs: 70_000 }, 'review');
    made.event({ type: 'step.retrying', nextAttempt: 2, delayMs: 60_000, outcome: exit1 }, 'review');
    made.event({ type: 'run.paused', by: 'api', now: true });
    show(view, made);
    expect(screen.text()).toContain('↻ Review      15 s ~$0.0312  in 52 s: attempt 2 after exit code 1');
    expect(screen.text()).toContain('paused by api');
  });

  test('shows the status of the run as every list does: stuck, over budget', () => {
    const screen = new VtScreen();
    const made = midRun();
    made.event({ type: 'stall.detected', cause: 'no_output', durationMs: 60_000, action: 'none' }, 'review');
    const view = viewOn(screen, startMs + 20_000);
    show(view, made);
    expect(screen.text()).toContain('nightly  stuck: no output for 1 m 10 s  20 s');
    made
      .event({ type: 'run.budget_exceeded', unit: 'USD', used: 11, limit: 10, estimated: false })
      .event({ type: 'run.cancelling', by: 'budget' });
    show(view, made);
    expect(screen.text()).toContain('nightly  budget of 10 USD used up  20 s');
  });

  test('says that Claude Code asks the API again, and why', () => {
    const screen = new VtScreen();
    const made = midRun();
    made.event({ type: 'claude.retrying', attempt: 3, maxRetries: 10, delayMs: 500, error: 'overloaded' }, 'review');
    show(viewOn(screen, startMs + 20_000), made);
    expect(screen.text()).toContain('asks the API again (retry 3): overloaded');
  });

  test('says until when a step, and with it the run, waits for a limit', () => {
    const screen = new VtScreen();
    const made = midRun();
    const outcome = { kind: 'failure', reason: 'claude_error', message: 'limit reached' } as const;
    made.event(attemptFinished(outcome), 'review');
    const untilNs = (BigInt(startMs + 3_620_000) * 1_000_000n).toString();
    made.event({ type: 'step.waiting', reason: 'rate_limit', untilNs, nextAttempt: 2, outcome }, 'review');
    show(viewOn(screen, startMs + 20_000), made);
    const time = new Date(startMs + 3_620_000).toISOString();
    expect(screen.text()).toMatch(/◌ Review .*waits until \S+Z, 1 h 00 m left: limit reached/);
    expect(
      screen
        .text()
        .split('\n')
        .filter((line) => line.includes(`${time.slice(11, 19)}Z, 1 h 00 m left`)),
    ).toHaveLength(2);
  });

  test('fits any size of terminal, whatever the run: no line too wide, never more lines than rows', () => {
    fc.assert(
      fc.property(
        anyJournal,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 12 }),
        (records, columns, rows) => {
          const options = {
            columns,
            rows,
            nowMs: startMs,
            style: createStyle(true),
            glyphs: asciiGlyphs,
          };
          const lines = frameOf(viewOf(records), options);
          expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
          for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  test('keeps active and failed steps on a low terminal, and counts the rest', () => {
    const ids = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const made = journalOf().event(runStarted(ids));
    for (const id of ids.slice(0, 20)) made.event({ type: 'step.started' }, id).event(stepFinished(undefined, 10), id);
    made.event(stepFinished(exit1, 10), 's20').event({ type: 'step.started' }, 's25');
    const screen = new VtScreen(60, 8);
    show(viewOn(screen, startMs), made);
    const lines = screen.text().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines.map((line) => line.slice(0, 5).trim())).toEqual([
      '✗ s20',
      '· s21',
      '· s22',
      '· s23',
      '▶ s25',
      '… 25',
      'night',
    ]);
    expect(lines[5]).toBe('… 25 more: 20 ended, 5 to come');
    expect(screen.scrollback).toEqual([]);
    const { shown, hidden } = chooseSteps(viewOf(made.records).steps, 1);
    expect([shown.length, hidden.length]).toEqual([0, 30]);
  });

  test('is drawn again in its place after the terminal became narrower', () => {
    const screen = new VtScreen(80, 24);
    const view = viewOn(screen, startMs + 17_000);
    show(view, midRun());
    screen.resize(30, 24);
    view.redraw();
    const lines = screen.all().split('\n');
    expect(lines.filter((line) => line.includes('Deploy'))).toHaveLength(1);
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(30);
  });

  test('of a Claude step says the tool call or the last sentence, and not the end of a long result', () => {
    const screen = new VtScreen(80, 24);
    const view = viewOn(screen, startMs + 17_000);
    const input = JSON.stringify({ command: 'npm test', description: 'Run the tests' });
    const made = midRun();
    made
      .event({ type: 'claude.tool_called', toolUseId: 'u', tool: 'Bash', input, parentToolUseId: undefined }, 'review')
      .output('● Bash(npm test)\n', 'review');
    show(view, made);
    expect(screen.text()).toContain('Bash(npm test)');
    made
      .event(
        {
          type: 'claude.tool_returned',
          toolUseId: 'u',
          isError: false,
          text: '…',
          bytes: 9,
          parentToolUseId: undefined,
        },
        'review',
      )
      .output('  ⎿ ok 1\n    … 2 more lines\n', 'review');
    show(view, made);
    expect(screen.text()).toContain('Bash(npm test)');
    expect(screen.text()).not.toContain('more lines');
    made.event(
      { type: 'claude.message', text: 'All of them pass. Now I look at the docs.', parentToolUseId: undefined },
      'review',
    );
    show(view, made);
    expect(screen.text()).toContain('  Now I look at the docs.');
  });

  test('with output, shows a line that is not ended growing above the list, and a bar redrawing itself', () => {
    const screen = new VtScreen(60, 24);
    const view = viewOn(screen, startMs + 17_000, { output: true });
    const made = midRun();
    for (const [piece, seen] of [
      ['\rDownloading 1%', 'Downloading 1%'],
      ['\rDownloading 100%', 'Downloading 100%'],
      ['\r\u001b[KSure? [y/N] ', 'Sure? [y/N]'],
    ] as const) {
      const before = made.records.length;
      made.output(piece, 'deploy', { continues: piece !== '\rDownloading 1%' });
      void view.update(made.records.slice(before), foldAll(made.records));
      view.redraw();
      expect(screen.text()).toContain(`deploy | ${seen}`);
    }
    expect(screen.all().match(/deploy \|/g)).toHaveLength(1);
  });

  test('fits a terminal that says that it has no columns', () => {
    const screen = new VtScreen(80, 24);
    Object.assign(screen, { columns: 0, rows: 0 });
    const view = viewOn(screen, startMs + 17_000);
    show(view, midRun());
    expect(screen.raw).toContain('Review');
    view.close();
    expect(screen.raw).toContain('STEP');
  });

  test('keeps the last character of a line that is as wide as the terminal', () => {
    const screen = new VtScreen(60, 24);
    const input = JSON.stringify({ command: 'x'.repeat(500) });
    const made = midRun().event(
      { type: 'claude.tool_called', toolUseId: 'u', tool: 'Bash', input, parentToolUseId: undefined },
      'review',
    );
    show(viewOn(screen, startMs + 17_000), made);
    const line = screen
      .text()
      .split('\n')
      .find((text) => text.includes('xxx'));
    expect([line?.length, line?.at(-1)]).toEqual([60, '…']);
  });
});

describe('output above the list', () => {
  test('is printed once with the name of its step, and stays', () => {
    const screen = new VtScreen(60, 6);
    const view = viewOn(screen, startMs, { output: true });
    const made = midRun();
    show(view, made);
    view.redraw();
    const more = journalOf().output('raw\n', 'review', { stream: 'debug' }).output('one\ntwo\nnot ended', 'review');
    void view.update(more.records, foldAll(made.records));
    view.redraw();
    expect(screen.all().split('\n').slice(0, 4)).toEqual([
      'build | compiled 12 files',
      'review | Looking at the tests',
      'review | one',
      'review | two',
    ]);
    view.close();
    expect(screen.all().split('\n').slice(3, 7)).toEqual([
      'review | two',
      'review | not ended',
      '',
      expect.stringContaining('STEP'),
    ]);
  });

  test('that is wider than the terminal leaves nothing of the list behind', () => {
    const screen = new VtScreen(40, 12);
    const view = viewOn(screen, startMs + 60_000, { output: true });
    const made = midRun();
    show(view, made);
    made.output(`${'wide '.repeat(10)}\n`, 'review');
    void view.update(made.records.slice(-1), foldAll(made.records));
    view.redraw();
    expect(screen.all().split('\n').slice(2, 5)).toEqual([
      'review | wide wide wide wide wide wide w',
      'ide wide wide wide',
      expect.stringMatching(/^✓ Build/),
    ]);
  });

  test('is bounded between two frames, and what is left out is counted', () => {
    const screen = new VtScreen(60, 2000);
    const view = viewOn(screen, startMs, { output: true });
    const flood = Array.from({ length: 700 }, (_, index) => `line ${index}\n`).join('');
    const made = journalOf()
      .event(runStarted(['a']))
      .output(flood, 'a')
      .output(flood, 'a')
      .output('last\n', 'a');
    show(view, made);
    const lines = screen.text().split('\n');
    expect(lines[0]).toBe('… 901 lines left out here; stepspan tail has them');
    expect(lines.filter((line) => line.startsWith('a | '))).toHaveLength(500);
    expect(lines.at(-3)).toBe('a | last');
  });

  test('of any kind sends nothing to the terminal but text and colours', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('\x1b', '[', ']', '2', 'J', 'm', '\x07', '\x9b', '\r', '\b', 'a', '\n'),
      minLength: 1,
    });
    fc.assert(
      fc.property(nasty, fc.boolean(), (text, colour) => {
        const screen = new VtScreen();
        const made = journalOf().event(runStarted([], { workflow: text, steps: [{ ...build, name: text }] }));
        made
          .output(text, 'build', { stream: 'stderr' })
          .event({ type: 'step.started' }, 'build')
          .event(stepFinished({ ...exit1, message: text } as typeof exit1), 'build');
        const view = viewOn(screen, startMs, { output: true, style: createStyle(colour) });
        show(view, made);
        view.close({ notes: [text], links: [{ label: 'x', url: text }] });
        if (!colour) expect(screen.raw).not.toMatch(/\x1b\[[0-9;:]*m/);
      }),
    );
  });
});

describe('the rate', () => {
  test('of drawing is bounded by the timer, however fast records come, and a terminal that takes nothing gets nothing', () => {
    vi.useFakeTimers();
    const screen = new VtScreen();
    let frames = 0;
    const { write } = screen;
    const count = (text: string): boolean => {
      frames += 1;
      return write(text);
    };
    const view = viewOn(Object.assign(screen, { write: count }), startMs + 17_000, { rate: 100 });
    const made = midRun();
    const state = foldAll(made.records);
    for (let turn = 0; turn < 1000; turn++) void view.update(made.records, state);
    expect(frames).toBe(0);
    screen.writableNeedDrain = true;
    vi.advanceTimersByTime(1000);
    expect(frames).toBe(0);
    screen.writableNeedDrain = false;
    vi.advanceTimersByTime(1000);
    expect(frames).toBe(1);
  });
});
