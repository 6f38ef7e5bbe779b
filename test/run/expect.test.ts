// What `expect` of a step asks for: met, unmet and impossible to find out, with the message for each.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { maxListedFiles, watchFiles } from '../../src/run/engine/changed-files.ts';
import { readGlob } from '../../src/workflow/glob.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

const rigs: CliRig[] = [];
afterAll(() => Promise.all(rigs.map((rig) => rig.close())));

async function newRig(...options: Parameters<typeof startCliRig>): Promise<CliRig> {
  const rig = await startCliRig(...options);
  rigs.push(rig);
  return rig;
}

/** A repository with one commit, in a folder of its own below the working folder. */
function repository(rig: CliRig, name: string): string {
  rig.write(`${name}/src/a.ts`, 'a');
  rig.write(`${name}/src/b.ts`, 'b');
  rig.write(`${name}/package-lock.json`, '{}');
  rig.write(`${name}/.gitignore`, 'dist/\n.env\n');
  rig.write(`${name}/dist/out.js`, 'old');
  rig.write(`${name}/.env`, 'A=1');
  const folder = path.join(rig.work, name);
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder });
  git('init', '-q');
  git('add', '-A');
  git('-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '-qm', 'first');
  rig.write(`${name}/src/dirty.ts`, 'before');
  return folder;
}

const commit = 'git -c user.name=a -c user.email=a@b.c commit -qam second';

/** Each script, the expectation, and the message if it is unmet. */
const cases: readonly (readonly [script: string, expectation: string, unmet: string | undefined])[] = [
  ['echo c > src/a.ts', 'changed: src/**/*.ts', undefined],
  ['true', 'changed: [src/**/*.ts]', 'expected src/**/*.ts to change; no such file changed'],
  [`echo c > src/a.ts; ${commit}`, 'changed: src/a.ts', undefined],
  [`git add src/dirty.ts; ${commit}`, 'changed: "src/*"', 'expected src/* to change; no such file changed'],
  ['echo after > src/dirty.ts', 'changed: src/dirty.ts', undefined],
  ['echo -n before > src/dirty.ts; touch src/*', 'changed: src/**', 'expected src/** to change; no such file changed'],
  ['rm src/b.ts', 'changed: src/b.ts', undefined],
  ['rm src/dirty.ts', 'changed: src/dirty.ts', undefined],
  ['echo x > "src/new file.ts"', 'changed: src/new*', undefined],
  ['echo x > src/new.ts', 'changed: [src/**, "!src/new.ts"]', 'expected src/** to change; no such file changed'],
  ['echo x > src/a.ts', 'changed: [src/a.ts, docs/]', 'expected docs/ to change; src/a.ts changed, but no such file'],
  ['echo new > dist/out.js', 'changed: dist/', undefined],
  ['echo A=2 > .env', 'unchanged: .env', 'expected .env not to change; .env changed'],
  ['echo 1 > package-lock.json', 'unchanged: ["*.json"]', 'expected *.json not to change; package-lock.json changed'],
  ['echo x > src/a.ts', 'unchanged: ["*", "dist/**"]', undefined],
];

describe('files that must have changed, or not', () => {
  test('are those of git, with what was committed meanwhile, untracked and ignored', async () => {
    const rig = await newRig();
    const steps = cases.map(([script, expectation], index) => {
      repository(rig, `r${index}`);
      return `  - {id: s${index}, cwd: r${index}, run: ${JSON.stringify(script)}, expect: {${expectation}}}`;
    });
    const { result } = await rig.runYaml(`name: files\nconcurrency: 4\nsteps:\n${steps.join('\n')}\n`);
    const said = result.steps.map(({ outcome, message }) => (outcome === 'success' ? undefined : message));
    expect(said).toEqual(cases.map(([, , unmet]) => unmet));
    const journal = await rig.journal(result.runId);
    expect(journal.events('step.finished', 's1')[0]?.outcome).toMatchObject({
      kind: 'failure',
      reason: 'unmet_expectation',
    });
    expect(journal.events('step.expectation_unmet', 's1')).toMatchObject([
      { expectation: 'changed', expected: 'src/**/*.ts to change', actual: 'no such file changed' },
    ]);
  });

  test('are found without git by what they hold, and are unknown in a folder that is too large', async () => {
    const rig = await newRig();
    const plain = (name: string) => {
      rig.write(`${name}/a.txt`, 'a');
      mkdirSync(path.join(rig.work, name, 'node_modules'));
      return path.join(rig.work, name);
    };
    const watched = (folder: string, glob: string) => {
      const read = readGlob(glob);
      if (!read.ok) throw new Error(read.message);
      return watchFiles({ folder, bases: [read.glob.base], matches: (file) => read.glob.pattern.test(file) });
    };
    const folder = plain('p1');
    const compare = await watched(folder, '**');
    writeFileSync(path.join(folder, 'a.txt'), 'a');
    expect(await compare()).toEqual({ kind: 'known', files: [] });
    writeFileSync(path.join(folder, 'a.txt'), 'b');
    writeFileSync(path.join(folder, 'node_modules/x'), 'x');
    expect(await compare()).toEqual({ kind: 'known', files: ['a.txt'] });

    const large = plain('p2');
    mkdirSync(path.join(large, 'many'));
    for (let count = 0; count <= maxListedFiles; count += 1) writeFileSync(path.join(large, 'many', `${count}`), '');
    expect(await (await watched(large, '**'))()).toMatchObject({
      kind: 'unknown',
      why: expect.stringMatching(/20000/),
    });
    expect(await (await watched(large, '*.txt'))()).toMatchObject({ kind: 'unknown' });
    const { result } = await rig.runYaml(
      'name: large\nsteps: [{id: a, cwd: p2, run: "true", expect: {unchanged: "**"}}]',
    );
    expect(result.steps[0]).toMatchObject({ outcome: 'failure', message: expect.stringContaining('it is unknown') });
  });
});

test('the output, a command and retries', async () => {
  const rig = await newRig();
  const { result, stdout } = await rig.runYaml(`
name: others
concurrency: 8
steps:
  - {id: matches, readOnly: true, run: 'echo one; echo 0 errors', expect: {output: '^0 errors$'}}
  - {id: differs, readOnly: true, run: 'echo 3 errors', expect: {output: '^0 errors$'}}
  - {id: forever, readOnly: true, run: 'printf "a%.0s" {1..60}', expect: {output: '(a+)+b'}}
  - {id: long, readOnly: true, run: 'seq 100000', expect: {output: '^50000$'}}
  - {id: meets, readOnly: true, run: 'echo "{\\"a\\": 1}"', expect: {schema: {required: [a]}}}
  - {id: lacks, readOnly: true, run: 'echo "{}"', expect: {schema: {required: [a]}}}
  - {id: nojson, readOnly: true, run: 'echo hello', expect: {schema: {required: [a]}}}
  - {id: passes, readOnly: true, env: {X: '1'}, run: 'true', expect: {command: 'echo checked; test "$X" = 1'}}
  - {id: refuses, readOnly: true, run: 'echo out', expect: {command: 'echo no good >&2; exit 4'}}
  - {id: hangs, readOnly: true, run: 'true', expect: {command: {run: sleep 60, timeout: 1s}}}
  - {id: fails, readOnly: true, run: exit 3, expect: {command: echo never}}
  - {id: again, retries: {max: 2, delay: 10ms}, run: 'echo x >> tries; echo done', expect: {command: 'test $(wc -l < tries) = 2'}}
  - {id: may, readOnly: true, continueOnFailure: true, run: 'true', expect: {output: x}}
  - {id: after, readOnly: true, needs: refuses, when: always(), run: 'test "$STEPSPAN_OUTPUT_REFUSES" = out'}
`);
  const messages = Object.fromEntries(result.steps.map(({ id, message }) => [id, message]));
  expect(outcomesOf(result)).toMatchObject({
    matches: 'success',
    meets: 'success',
    passes: 'success',
    again: 'success',
  });
  expect(outcomesOf(result)).toMatchObject({ after: 'success', fails: 'failure', may: 'failure' });
  expect(messages).toMatchObject({
    differs: 'expected the output to match /^0 errors$/; it ended in: 3 errors',
    forever: 'expected the output to match /(a+)+b/; it could not be matched within 2s',
    long: expect.stringContaining('its middle is not kept'),
    lacks: "expected the output to meet its schema; it must have required property 'a'",
    nojson: 'expected the output to meet its schema; it is not JSON',
    refuses: 'expected `echo no good >&2; exit 4` to pass; exit code 4',
    hangs: 'expected `sleep 60` to pass; it took longer than 1s',
    fails: expect.stringContaining('exit code 3'),
    may: 'expected the output to match /x/; there was no output',
  });
  const journal = await rig.journal(result.runId);
  expect(journal.text('stdout', 'passes')).toBe('checked\n');
  expect(journal.text('stderr', 'refuses')).toBe('no good\n');
  expect(journal.events('attempt.finished', 'passes')[0]?.lines).toMatchObject({ stdout: 1 });
  expect(journal.text('stdout', 'fails')).toBe('');
  expect(journal.events('attempt.finished', 'again').map(({ outcome }) => outcome.kind)).toEqual([
    'failure',
    'success',
  ]);
  expect(stdout).toContain('expected the output to match /^0 errors$/');
  expect(rig.processes()).toEqual([]);
});

test('a run that is cancelled while a command is checked ends that command', async () => {
  const rig = await newRig();
  const file = rig.write(
    'c.yaml',
    'name: c\nsteps: [{id: a, run: "true", expect: {command: "echo checking; sleep 300"}}]',
  );
  const cli = rig.start(['run', file]);
  await cli.said('a | checking');
  cli.child.kill('SIGTERM');
  expect((await cli.done).code).toBe(143);
  const journal = await rig.journal(rig.runIds()[0] ?? '');
  expect(journal.events('step.finished', 'a')[0]?.outcome).toMatchObject({ kind: 'cancellation' });
  expect(rig.processes()).toEqual([]);
});

test('a Claude step that was denied a tool call, and one whose answer is not as asked', async () => {
  const denied = { name: 'Bash', input: { command: 'touch made-it' } };
  const rig = await newRig({
    script: [
      {
        prompt: 'make it',
        turns: [
          { kind: 'reply', tools: [denied] },
          { kind: 'reply', text: 'I could not' },
        ],
      },
      { prompt: 'say it', turns: [{ kind: 'reply', text: '{"verdict": "maybe"}' }] },
    ],
  });
  const { result } = await rig.runYaml(`
name: claude
steps:
  - id: makes
    claude: {prompt: make it, permissionMode: dontAsk}
    expect: {noDenials: true, changed: made-it}
  - id: says
    claude: say it
    expect: {schema: {properties: {verdict: {enum: [ok, bad]}}}}
`);
  expect(result.steps.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^expected no tool call to be denied; denied: Bash .*made-it.* \| expected made-it to change; no such file changed$/,
    ),
    'expected the output to meet its schema; /verdict must be equal to one of the allowed values',
  ]);
});

describe('a glob', () => {
  test.each([
    ['src/**/*.ts', ['src/a.ts', 'src/x/y/a.ts'], ['src/a.js', 'a.ts', 'src/a.ts/b']],
    ['**', ['a', '.env', 'a/.b/c'], []],
    ['*.{ts,tsx}', ['a.ts', '.tsx'], ['a/b.ts', 'a.t']],
    ['a?[bc]/', ['axb/y', 'axc/y/z'], ['axb', 'a/b/y']],
    ['[!a].ts', ['b.ts'], ['a.ts', '/.ts']],
    ['a\\*', ['a*'], ['ab']],
    ['./a+(b).ts', ['a+(b).ts'], ['aab.ts']],
  ] as const)('%s names what it says', (glob, yes, no) => {
    const read = readGlob(glob);
    if (!read.ok) throw new Error(read.message);
    expect(yes.filter((file) => !read.glob.pattern.test(file))).toEqual([]);
    expect(no.filter((file) => read.glob.pattern.test(file))).toEqual([]);
  });

  test('is read or refused, whatever it is, and matches nothing outside its base', () => {
    const part = fc.constantFrom('*', '**', '?', '[', ']', '{', '}', ',', '\\', '!', '/', 'a', 'b', '.', '..', '-');
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 8 }),
        fc.array(fc.constantFrom('a', 'b', '/', '.', ','), { maxLength: 6 }),
        (parts, file) => {
          const read = readGlob(parts.join(''));
          const name = file.join('');
          if (read.ok && read.glob.pattern.test(name)) expect(name.startsWith(read.glob.base)).toBe(true);
        },
      ),
    );
  });
});
