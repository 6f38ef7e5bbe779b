// The plain view: one line for each line and each change, and a writer that waits when the reader is slow.
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createPlainView } from '../../src/cli/terminal/plain-view.ts';
import { asciiGlyphs, createStyle, glyphsFor, unicodeGlyphs, wantsColour } from '../../src/cli/terminal/style.ts';
import { foldAll } from '../../src/runs/fold-run.ts';
import {
  attemptStarted,
  exit1,
  journalOf,
  runFinished,
  runStarted,
  startNs,
  stepFinished,
} from '../runs/journal-of.ts';

class Sink extends EventEmitter {
  text = '';
  full = false;
  readonly write = (chunk: string): boolean => {
    this.text += chunk;
    return !this.full;
  };
}

const options = { style: createStyle(false), glyphs: asciiGlyphs, now: () => Number(startNs / 1_000_000n) };

describe('the plain view', () => {
  test('prints each line after the name of its step, and each change of state', () => {
    const out = new Sink();
    const view = createPlainView({ out, ...options });
    const made = journalOf()
      .event(runStarted(['build']))
      .event({ type: 'step.started' }, 'build')
      .event(attemptStarted, 'build')
      .output('\u001b[31m::error::red\u001b[0m\n50 %\r100 %\n', 'build')
      .output('{"raw":1}\n', 'build', { stream: 'debug' })
      .event({ type: 'step.retrying', nextAttempt: 2, delayMs: 2000, outcome: exit1 }, 'build')
      .output('attempt 2 of 2 in 2.0 s\n', 'build', { stream: 'system', severity: 'warning' })
      .output('said by stepspan\n', undefined, { stream: 'system' })
      .event(stepFinished(exit1, 1500, 2), 'build')
      .event(stepFinished({ kind: 'skip', reason: 'need', message: 'build did not succeed' }, 0, 0), 'deploy')
      .output('skipped: build did not succeed\n', 'deploy', { stream: 'system', severity: 'info' })
      .event(runFinished(exit1));
    expect(view.update(made.records, foldAll(made.records))).toBeUndefined();
    expect(out.text).toBe(
      [
        '14:13:20 run > run 20261123-151402-abc123 of nightly started with 1 step',
        '14:13:22 build > started: make',
        '14:13:23 build | ::error::red',
        '14:13:23 build | 100 %',
        '14:13:25 build ~ attempt 2 in 2.0 s: exit code 1',
        '14:13:27 run | said by stepspan',
        '14:13:28 build x failure after 1.5 s',
        '14:13:29 deploy - skipped: build did not succeed',
        '',
      ].join('\n'),
    );
    view.close({ lastLines: new Map([['build', ['100 %']]]) });
    expect(out.text).toContain('x nightly failure in 5.0 s');
    expect(out.text).toContain('last lines of build:\n  100 %\n');
    expect(out.text).toContain('to continue: stepspan resume 20261123-151402-abc123');
    // Once for the attempt that was tried again, and once for the step.
    expect(out.text.match(/exit code 1/g)).toHaveLength(2);
  });

  test('says once what an event and a line report, and says it also if lines are not shown', () => {
    const denied = {
      type: 'claude.permission_denied',
      tool: 'Bash',
      toolUseId: 't',
      input: '{}',
      reason: 'no',
    } as const;
    const cancelled = { kind: 'cancellation', message: 'cancelled by SIGINT' } as const;
    const { records } = journalOf()
      .event(runStarted(['ask']))
      .event(denied, 'ask')
      .output('  ⎿ permission denied: no\n', 'ask')
      .output('cancellation: cancelled by SIGINT\n', 'ask', { stream: 'system', severity: 'error' })
      .event(stepFinished(cancelled, 1500), 'ask');
    const shown = [true, false].map((output) => {
      const out = new Sink();
      void createPlainView({ out, ...options, output }).update(records, foldAll(records));
      return [out.text.match(/permission denied/g)?.length, out.text.match(/cancelled by SIGINT/g)?.length];
    });
    expect(shown).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('calls nothing shipped that a backend has refused, and names the command that sends it again', () => {
    const ends = [0, 9].map((refused) => {
      const out = new Sink();
      const view = createPlainView({ out, ...options });
      const { records } = journalOf()
        .event(runStarted(['a']))
        .event(runFinished({ kind: 'success' }));
      void view.update(records, foldAll(records));
      view.close({ pending: 0, refused });
      return out.text;
    });
    expect(ends[0]).toMatch(/all records shipped/);
    expect(ends[1]).not.toMatch(/all records shipped/);
    expect(ends[1]).toMatch(/9 records refused .*`stepspan ship \S+ --again`/);
  });

  test('prints a line that is not ended once, when it is whole, and carries its colours on to the next', () => {
    const out = new Sink();
    const view = createPlainView({ out, ...options, style: createStyle(true) });
    const made = journalOf().output('\u001b[31mSure? ', 'a').output('noise\n', 'b');
    made.output('yes\nstill red\u001b[0m\n', 'a', { continues: true });
    void view.update(made.records, foldAll(made.records));
    const lines = out.text.split('\n').map((line) => line.slice(line.indexOf('|')));
    expect(lines).toEqual([
      expect.stringContaining('noise'),
      expect.stringContaining('\u001b[31mSure? yes\u001b[0m'),
      expect.stringContaining('\u001b[31mstill red\u001b[0m'),
      '',
    ]);
    view.close();
  });

  test('shows lines that have no end yet: continued while nothing else comes, and whole after that', () => {
    const out = new Sink();
    const view = createPlainView({ out, ...options });
    const made = journalOf();
    let shown = 0;
    const step = (): string => {
      const before = out.text.length;
      void view.update(made.records.slice(shown), foldAll(made.records));
      shown = made.records.length;
      // Without the times.
      return out.text.slice(before).replace(/^\d\d:\d\d:\d\d /gm, '');
    };
    const more = { continues: true };
    made.output('\rDownloading 1%', 'bar');
    expect(step()).toBe('bar | Downloading 1%');
    made.output('\rDownloading 2%', 'bar', more);
    expect(step()).toBe('');
    made.output('Sure? ', 'ask');
    expect(step()).toBe('\nask | Sure? ');
    made.output('[y/N] ', 'ask', more);
    expect(step()).toBe('[y/N] ');
    made.output('tick\n', 'other');
    expect(step()).toBe('\nother | tick\n');
    made.output('yes', 'ask', more);
    expect(step()).toBe('');
    made.output('\nnext\n', 'ask', more);
    expect(step()).toBe('ask | Sure? [y/N] yes\nask | next\n');
    // By the times of the journal it has been open for over ten seconds.
    for (const percent of [3, 4])
      made.output(`\rDownloading ${percent}%`, 'bar', more).output('x\n', 'other').output('x\n', 'other');
    expect(step()).toBe(['other | x', 'other | x', 'bar | Downloading 4%', 'other | x', 'other | x', ''].join('\n'));
    made.output('\nnext\n', 'bar', more);
    expect(step()).toBe('bar | next\n');
    made.output('...', 'dots');
    expect(step()).toBe('dots | ...');
    view.close();
    expect(out.text).toContain('dots | ...\n');
  });

  test.each(['\n', '\nnext\n'])(
    'shows a question once that was interrupted and then ends unchanged with %j',
    (rest) => {
      const out = new Sink();
      const view = createPlainView({ out, ...options });
      const made = journalOf();
      let shown = 0;
      const update = () => {
        void view.update(made.records.slice(shown), foldAll(made.records));
        shown = made.records.length;
      };
      made.output('Overwrite production? [y/N] ', 'ask');
      update();
      made.output('tick\n', 'other');
      update();
      made.output(rest, 'ask', { continues: true });
      update();
      made.output('tock\n', 'other');
      update();
      expect(out.text.replace(/^\d\d:\d\d:\d\d /gm, '').split('\n')).toEqual([
        'ask | Overwrite production? [y/N] ',
        'other | tick',
        ...(rest === '\n' ? [] : ['ask | next']),
        'other | tock',
        '',
      ]);
      view.close();
    },
  );

  test('asks for a pause while its reader takes nothing, and continues when the reader does or is gone', async () => {
    const out = new Sink();
    const view = createPlainView({ out, ...options });
    const { records } = journalOf().output('x\n', 'a');
    for (const event of ['drain', 'close', 'error']) {
      out.full = true;
      let resumed = false;
      const waiting = Promise.resolve(view.update(records, foldAll(records))).then(() => {
        resumed = true;
      });
      await new Promise(setImmediate);
      expect(resumed).toBe(false);
      if (event === 'error') out.once('error', () => undefined);
      out.emit(event);
      await waiting;
    }
    expect(out.eventNames()).toEqual([]);
  });
});

describe('colours and signs', () => {
  const terminal = { isTTY: true };
  test.each([
    ['auto', {}, terminal, true],
    ['auto', {}, {}, false],
    ['auto', { TERM: 'dumb' }, terminal, false],
    ['auto', { NO_COLOR: '1' }, terminal, false],
    ['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, terminal, false],
    ['auto', { NO_COLOR: '' }, terminal, true],
    ['auto', { FORCE_COLOR: '1' }, {}, true],
    ['auto', { FORCE_COLOR: '0' }, terminal, false],
    ['always', { NO_COLOR: '1' }, {}, true],
    ['never', { FORCE_COLOR: '1' }, terminal, false],
  ] as const)('%s with %o on %o: %s', (setting, env, out, wanted) => {
    expect(wantsColour(setting, env, out)).toBe(wanted);
  });

  test('are those of the locale', () => {
    expect(glyphsFor({ LANG: 'de_DE.UTF-8' })).toBe(unicodeGlyphs);
    expect(glyphsFor({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' })).toBe(asciiGlyphs);
    expect(glyphsFor({})).toBe(asciiGlyphs);
  });
});
