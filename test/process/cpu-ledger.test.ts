// CPU time of a tree whose members come and go: nothing twice, nothing lost that was seen.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCpuLedger } from '../../src/run/process/cpu-ledger.ts';
import type { ProcessInfo } from '../../src/run/process/process-info.ts';

type Simulated = { pid: number; parent: number; own: number; reaped: number; state: 'R' | 'Z'; waits: boolean };

/** A machine that does what Linux does with CPU times: pid 1 and our own pid 2 stand outside of the tree. */
function createMachine() {
  const processes = new Map<number, Simulated>();
  let next = 100;
  let trueTotal = 0;
  const fork = (parent: number) => {
    processes.set(next, { pid: next, parent, own: 0, reaped: 0, state: 'R', waits: true });
    return next++;
  };
  fork(2);
  const reap = (child: Simulated) => {
    const parent = processes.get(child.parent);
    if (parent?.waits) parent.reaped += child.own + child.reaped;
    processes.delete(child.pid);
  };
  return {
    processes,
    total: () => trueTotal,
    running: () => [...processes.values()].filter((each) => each.state === 'R'),
    fork,
    burn(process: Simulated, seconds: number) {
      process.own += seconds;
      trueTotal += seconds;
    },
    exit(process: Simulated) {
      process.state = 'Z';
      for (const child of [...processes.values()].filter((each) => each.parent === process.pid)) {
        child.parent = 1;
        if (child.state === 'Z') reap(child);
      }
      const parent = processes.get(process.parent);
      if (parent === undefined || !parent.waits) reap(process);
    },
    wait(process: Simulated) {
      for (const child of [...processes.values()]) if (child.parent === process.pid && child.state === 'Z') reap(child);
    },
    look: (): ProcessInfo[] =>
      [...processes.values()].map(({ pid, parent, own, reaped, state }) => ({
        pid,
        startTime: String(pid),
        parentPid: parent,
        groupId: 100,
        sessionId: 100,
        state,
        ownSeconds: own,
        reapedSeconds: reaped,
      })),
  };
}

const action = fc.record({
  what: fc.constantFrom('fork', 'burn', 'burn', 'exit', 'wait', 'ignore', 'look'),
  who: fc.nat(20),
  seconds: fc.integer({ min: 1, max: 50 }),
});

/** Plays the actions; `each` is called after each, with the ledger's last answer. */
function play(
  actions: readonly { what: string; who: number; seconds: number }[],
  lookAlways: boolean,
  each: (seen: number, real: number) => void,
) {
  const machine = createMachine();
  const ledger = createCpuLedger();
  ledger.observe(machine.look());
  for (const { what, who, seconds } of actions) {
    const running = machine.running();
    const process = running[who % Math.max(running.length, 1)];
    if (process !== undefined) {
      if (what === 'fork') machine.fork(process.pid);
      if (what === 'burn') machine.burn(process, seconds);
      if (what === 'exit') machine.exit(process);
      if (what === 'wait') machine.wait(process);
      if (what === 'ignore') process.waits = false;
    }
    if (lookAlways || what === 'look') each(ledger.observe(machine.look()), machine.total());
  }
}

describe('CPU time of a tree', () => {
  it('is exact when every change is seen, however members come, go, are orphaned and not waited for', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        play(actions, true, (seen, real) => expect(seen).toBe(real));
      }),
      { numRuns: 2000 },
    );
  });

  it('never counts a second twice and never falls, however seldom it is looked at', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        let before = 0;
        play(actions, false, (seen, real) => {
          expect(seen).toBeLessThanOrEqual(real);
          expect(seen).toBeGreaterThanOrEqual(before);
          before = seen;
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('counts children that lived and died between two looks', () => {
    const machine = createMachine();
    const ledger = createCpuLedger();
    ledger.observe(machine.look());
    const root = machine.processes.get(100) as Simulated;
    for (let child = 0; child < 50; child++) {
      const pid = machine.fork(100);
      machine.burn(machine.processes.get(pid) as Simulated, 2);
      machine.exit(machine.processes.get(pid) as Simulated);
      machine.wait(root);
    }
    expect(ledger.observe(machine.look())).toBe(100);
  });

  it('takes the last numbers of a root that is gone in the next look', () => {
    const machine = createMachine();
    const ledger = createCpuLedger();
    ledger.observe(machine.look());
    const root = machine.processes.get(100) as Simulated;
    machine.burn(root, 5);
    ledger.update(machine.look()[0] as ProcessInfo);
    machine.exit(root);
    expect(ledger.observe(machine.look())).toBe(5);
  });
});
