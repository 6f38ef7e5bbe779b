// Timeouts that do not count pauses, and watches for what does not happen.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createPausableTimer, createStallWatch, systemClock } from '../../src/run/process/index.ts';
import { createSystemClock, SUSPENDED_MS } from '../../src/run/process/timer-clock.ts';
import { createFakeClock } from './fake-clock.ts';

describe('a timeout that can be paused', () => {
  it('fires once when as much time was counted as it was given, wherever it is paused', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(100)), { maxLength: 30 }),
        (ms, spans) => {
          const clock = createFakeClock();
          let fired = 0;
          const timer = createPausableTimer(ms, () => fired++, clock);
          let counted = 0;
          let paused = 0;
          for (const [pause, span] of spans) {
            if (pause) timer.pause();
            else timer.resume();
            clock.advance(span);
            if (pause && counted < ms) paused += span;
            if (!pause) counted += span;
            expect(fired).toBe(counted >= ms ? 1 : 0);
            expect(timer.remainingMs()).toBe(Math.max(0, ms - counted));
            expect(timer.pausedMs()).toBe(paused);
          }
        },
      ),
    );
  });

  it('counts more days than one timer of Node can', () => {
    const clock = createFakeClock();
    const days = 60 * 86_400_000;
    let fired = 0;
    createPausableTimer(days, () => fired++, clock);
    clock.advance(days - 1);
    expect(fired).toBe(0);
    clock.advance(1);
    expect(fired).toBe(1);
  });

  it('does not fire when it was cancelled, and leaves no timer behind', () => {
    const clock = createFakeClock();
    const timer = createPausableTimer(10, () => expect.unreachable(), clock);
    timer.pause();
    clock.advance(5);
    timer.resume();
    timer.cancel();
    timer.resume();
    clock.advance(1000);
    expect(timer.pausedMs()).toBe(5);
    expect(clock.pending()).toBe(0);
  });
});

describe('the clock of the system', () => {
  test('leaves out every gap in which nobody looked, and counts all other time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4 * SUSPENDED_MS), { maxLength: 30 }), (spans) => {
        let raw = 0;
        const clock = createSystemClock(() => raw);
        const cancel = clock.after(1_000_000, () => undefined);
        let counted = 0;
        let previous = 0;
        for (const span of spans) {
          raw += span;
          if (span <= SUSPENDED_MS) counted += span;
          const now = clock.now();
          expect(now).toBeGreaterThanOrEqual(previous);
          // Of a gap one beat at most is counted.
          expect(now).toBeGreaterThanOrEqual(counted);
          expect(now - counted).toBeLessThanOrEqual(spans.length * 250);
          expect(now + clock.suspendedMs()).toBe(raw);
          previous = now;
        }
        cancel();
      }),
    );
  });

  test('hears that a child has ended before it fires a timer that was due', async () => {
    const child = spawn('true', { stdio: 'ignore' });
    const heard: string[] = [];
    child.once('exit', () => heard.push('exit'));
    await new Promise<void>((resolve) => {
      systemClock.after(20, () => {
        heard.push('due');
        resolve();
      });
      // Nobody can be heard while this holds the thread; both have happened when it lets go.
      const end = performance.now() + 30;
      const hasEnded = (): boolean => /\) Z /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
      while (performance.now() < end || !hasEnded());
    });
    expect(heard).toEqual(['exit', 'due']);
  });
});

function watchWithLog() {
  const clock = createFakeClock();
  const log: string[] = [];
  const watch = createStallWatch<'a' | 'b'>({
    clock,
    onDetected: (cause, forMs) => log.push(`${cause} stalled ${forMs}`),
    onCleared: (cause, forMs) => log.push(`${cause} cleared ${forMs}`),
  });
  return { clock, log, watch };
}

describe('stalls', () => {
  it('are detected once, by cause, and cleared by what was missed', () => {
    const { clock, log, watch } = watchWithLog();
    watch.start('a', 100);
    watch.start('b', 250);
    clock.advance(300);
    expect(log).toEqual(['a stalled 100', 'b stalled 250']);
    expect(watch.stalled()).toEqual(['a', 'b']);
    watch.beat('a');
    expect(log.at(-1)).toBe('a cleared 300');
    clock.advance(100);
    expect(log.slice(3)).toEqual(['a stalled 100']);
    watch.close();
    expect(log.slice(4)).toEqual(['a cleared 100', 'b cleared 400']);
    expect(clock.pending()).toBe(0);
  });

  it('are not detected while it keeps happening', () => {
    const { clock, log, watch } = watchWithLog();
    watch.start('a', 100);
    for (let beat = 0; beat < 50; beat++) {
      clock.advance(99);
      watch.beat('a');
    }
    expect(log).toEqual([]);
    clock.advance(100);
    expect(log).toEqual(['a stalled 100']);
  });

  it('do not count time that was paused, also when they are started or beaten in it', () => {
    const { clock, log, watch } = watchWithLog();
    watch.start('a', 100);
    clock.advance(60);
    watch.pause();
    watch.start('b', 100);
    clock.advance(10_000);
    watch.resume();
    clock.advance(39);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(['a stalled 100']);
    watch.pause();
    clock.advance(10_000);
    watch.beat('a');
    watch.resume();
    expect(log.at(-1)).toBe('a cleared 100');
    clock.advance(60);
    expect(log.at(-1)).toBe('b stalled 100');
    clock.advance(40);
    expect(log.at(-1)).toBe('a stalled 100');
  });

  it('are not made by what was never started or is cleared', () => {
    const { clock, log, watch } = watchWithLog();
    watch.beat('a');
    watch.start('b', 10);
    watch.clear('b');
    watch.clear('a');
    clock.advance(1000);
    expect(log).toEqual([]);
  });
});
