// The log of a CI job: what a step prints is never a command of the system, output folds in groups, and a failure is shown at its line.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ciLogIn, placeIn } from '../../src/cli/terminal/ci-log.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

const environments = {
  github: { GITHUB_ACTIONS: 'true' },
  gitlab: { GITLAB_CI: 'true' },
  buildkite: { BUILDKITE: 'true' },
  azure: { TF_BUILD: 'True' },
  teamcity: { TEAMCITY_VERSION: '2026.1' },
} as const;
type System = keyof typeof environments;

/** Whether a line is a command, by the rules of each system's own reader. */
const isCommand: Readonly<Record<System, (line: string) => boolean>> = {
  github: (line) => /^\s*::.*?::/.test(line) || /##\[[^\]]*\]/.test(line),
  gitlab: (line) => line.includes('\x1b[0Ksection_'),
  buildkite: (line) => /^(?:---|\+\+\+|~~~|\^\^\^) /.test(line),
  azure: (line) => /##(?:vso)?\[/.test(line),
  teamcity: (line) => line.includes('##teamcity['),
};

/** Of a group called `it's [x] 5%`. */
const groups: Readonly<Record<System, readonly string[]>> = {
  github: ["::group::it's [x] 5%25", '::endgroup::'],
  gitlab: [
    "\x1b[0Ksection_start:1790000000:stepspan_1\r\x1b[0Kit's [x] 5%",
    '\x1b[0Ksection_end:1790000001:stepspan_1\r\x1b[0K',
  ],
  buildkite: ["--- it's [x] 5%"],
  azure: ["##[group]it's [x] 5%", '##[endgroup]'],
  teamcity: ["##teamcity[blockOpened name='it|'s |[x|] 5%']", "##teamcity[blockClosed name='it|'s |[x|] 5%']"],
};

const hostile = [
  '::error::x',
  '::stop-commands::t',
  '##[group]x',
  '##vso[task.setsecret]x',
  '##teamcity[buildStop]',
  '--- x',
  '+++ x',
  '^^^ +++',
];

describe.each(Object.keys(environments) as System[])('the log of %s', (system) => {
  const log = ciLogIn(environments[system]);

  test('has no line that is a command and was printed by a step', () => {
    const parts = fc.constantFrom(...hostile, ' ', '\t', '\u00a0', '#', '[', ':', 'a', '%0A');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 6 }), (words) => {
        const line = words.join('');
        const shown = log?.inert(line) ?? '';
        expect(isCommand[system](shown)).toBe(false);
        expect(shown.replaceAll(' ', '')).toBe(line.replaceAll(' ', ''));
      }),
    );
  });

  test('has groups that are commands', () => {
    const lines = [log?.open("it's [x] 5%", 1_790_000_000_000), log?.close(1_790_000_001_000)];
    const shown = lines.filter((line) => line !== undefined);
    expect(shown.map(isCommand[system])).toEqual(shown.map(() => true));
    expect(shown).toEqual(groups[system]);
  });
});

describe('a place in the code', () => {
  test.each([
    ['  at add (src/cart.ts:12:5)', { file: 'src/cart.ts', line: 12, column: 5 }],
    ['src/cart.ts(12,5): error TS2322: no', { file: 'src/cart.ts', line: 12, column: 5 }],
    ['FAIL ./src/cart.ts:12: assertion', { file: './src/cart.ts', line: 12, column: undefined }],
    ['at node_modules/x/src/cart.ts:1:1, then src/cart.ts:12:5', { file: 'src/cart.ts', line: 12, column: 5 }],
    ['at 10:12:05 server.example.com:443', undefined],
  ])('is read from %j', (line, place) => {
    expect(placeIn(['nothing', line], (file) => file.endsWith('src/cart.ts'))).toEqual(place);
  });
});

describe('a run in a job', () => {
  let rig: CliRig;
  beforeAll(async () => {
    rig = await startCliRig();
    mkdirSync(path.join(rig.work, 'src'));
    rig.write('src/cart.ts', 'export {};\n');
    rig.write(
      'ci.yaml',
      `name: nightly
steps:
  - {id: build, run: 'echo built; echo "::error::x"; echo "##[add-mask]y"'}
  - {id: test, needs: [build], run: 'echo "src/cart.ts:3:9 expected 2"; printf "  ::warning::z\\n"; exit 3'}
`,
    );
  });
  afterAll(() => rig.close());

  test('folds the output of each step, names the failure once at its line, and is obeyed in nothing else', async () => {
    const { stdout, code } = await rig.run(['run', 'ci.yaml'], environments.github);
    expect(code).toBe(1);
    const lines = stdout.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''));
    expect(lines.filter(isCommand.github)).toEqual([
      '::group::build',
      '::endgroup::',
      '::group::test',
      '::endgroup::',
      '::error file=src/cart.ts,line=3,col=9,title=nightly%3A test::exit code 3',
    ]);
    expect(lines.slice(lines.indexOf('::group::build'), lines.indexOf('::endgroup::') + 1)).toEqual([
      '::group::build',
      'build | built',
      'build | ::error::x',
      'build | # #[add-mask]y',
      '::endgroup::',
    ]);
    const shown = await rig.run(['show', 'latest'], environments.github);
    expect(shown.stdout).toContain(': :warning::z');
    expect(shown.stdout.split('\n').filter(isCommand.github)).toEqual([]);
  });
});
