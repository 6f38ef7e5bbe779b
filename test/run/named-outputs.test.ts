// Named outputs: what a step writes into the file that STEPSPAN_OUTPUTS names, and how later steps get it.
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseOutputs } from '../../src/run/engine/parse-outputs.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({ script: (request) => ({ kind: 'reply', text: JSON.stringify(request.messages) }) });
});
afterAll(() => rig.close());

describe('the file of named outputs', () => {
  test('returns every value that is written as a line, as a block or as JSON', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/);
    const line = fc.string({ unit: 'binary' }).filter((text) => !/[\n\r]/.test(text));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, fc.array(line, { maxLength: 4 }), fc.constantFrom('line', 'block', 'json')), {
          selector: ([key]) => key,
          maxLength: 20,
        }),
        (wanted) => {
          const text = wanted.map(([key, lines, how]) => {
            if (how === 'line') return `${key}=${lines[0] ?? ''}`;
            const end = `END-${lines.join('').length}-of-it`;
            if (how === 'block') return [`${key}<<${end}`, ...lines, end].join('\n');
            return JSON.stringify({ [key]: lines });
          });
          const parsed = parseOutputs(text.join('\n'));
          expect(parsed.problems).toEqual([]);
          expect({ ...parsed.outputs }).toEqual(
            Object.fromEntries(
              wanted.map(([key, lines, how]) => [
                key,
                how === 'line' ? (lines[0] ?? '') : how === 'block' ? lines.join('\n') : lines,
              ]),
            ),
          );
        },
      ),
    );
  });

  test('names each line that is wrong, and keeps the others', () => {
    const text = ['\ufeffa=1', 'no value', '', 'b c=2', 'd=x=y', '9=z', '__proto__=x', 'open<<END', 'text', ''].join(
      '\r\n',
    );
    const { outputs, problems } = parseOutputs(text);
    expect({ ...outputs }).toEqual({ a: '1', d: 'x=y' });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'line 2',
      'line 4',
      'line 6',
      'line 7',
      'line 8',
      'line 9',
    ]);
    expect(problems[0]).toBe('line 2: "no value" has no value; write `name=value`');
    expect(problems[4]).toBe('line 8: "open" has no end; add a line with "END" alone');
    const many = parseOutputs(Array.from({ length: 300 }, (_, at) => `n${at}=${at}`).join('\n'));
    expect(Object.keys(many.outputs).length).toBe(200);
    expect(many.problems.at(-1)).toBe('80 more lines with problems');
  });
});

describe('named outputs', () => {
  const token = 'tok-93hd72hf8s-secret';

  test('reach later steps as templates, in `when` and as variables, apart from what is printed', async () => {
    const { code, result } = await rig.runYaml(
      `
name: named
steps:
  - id: build-it
    run: |
      echo printed
      echo "version=1.2.3" >> "$STEPSPAN_OUTPUTS"
      printf 'notes<<EOT\\nfirst\\nsecond\\nEOT\\n' >> "$STEPSPAN_OUTPUTS"
      echo '{"meta": {"files": ["a", "b"], "count": 2}, "ok": true}' >> "$STEPSPAN_OUTPUTS"
      echo "leak=$MY_TOKEN" >> "$STEPSPAN_OUTPUTS"
      echo "not a line" >> "$STEPSPAN_OUTPUTS"
      stat -c %a "$STEPSPAN_OUTPUTS"
      echo "$STEPSPAN_OUTPUTS" > where.txt
  - id: use
    needs: build-it
    when: steps.build-it.outputs.version == '1.2.3' && steps.build-it.outputs.meta.count == 2 && steps.build-it.outputs.ok
    env: {NOTES: "{{ steps.build-it.outputs.notes }}|{{ steps.build-it.outputs.meta.files.1 }}"}
    run: |
      echo "$STEPSPAN_OUTPUTS_BUILD_IT_VERSION"
      echo "$STEPSPAN_OUTPUTS_BUILD_IT_META"
      echo "$NOTES"
      cat "$STEPSPAN_OUTPUTS"
  - {id: ask, needs: build-it, claude: "Describe {{ steps.build-it.outputs.version }}."}
  - {id: later, needs: use, run: test -e go-on}
  - {id: last, needs: [later, build-it], run: 'echo "$STEPSPAN_OUTPUTS_BUILD_IT_VERSION again"'}
`,
      [],
      { MY_TOKEN: token },
    );
    expect(code).toBe(1);
    const journal = await rig.journal(result.runId);
    expect(journal.text('stdout', 'build-it')).toBe('printed\n600\n');
    expect(journal.text('stdout', 'use')).toBe('1.2.3\n{"files":["a","b"],"count":2}\nfirst\nsecond|b\n');
    expect(journal.text('stdout', 'ask')).toContain('Describe 1.2.3.');
    expect(journal.text('system', 'build-it')).toContain('STEPSPAN_OUTPUTS, line 8: "not a line" has no value');
    expect(journal.events('step.finished', 'build-it')[0]).toMatchObject({
      output: 'printed\n600',
      outputs: { version: '1.2.3', notes: 'first\nsecond', meta: { files: ['a', 'b'], count: 2 }, ok: true },
    });
    expect(rig.filesWith(token)).toEqual([]);
    const file = readFileSync(path.join(rig.work, 'where.txt'), 'utf8').trim();
    expect(readdirSync(path.dirname(path.dirname(file)))).not.toContain(path.basename(path.dirname(file)));
    expect(path.dirname(path.dirname(file))).toBe(tmpdir());

    rig.write('go-on', '');
    await rig.run(['resume', result.runId]);
    const resumed = await rig.journal(rig.runIds()[0] ?? '');
    expect(resumed.text('stdout', 'last')).toBe('1.2.3 again\n');
  });

  test('that are missing, ambiguous, or no longer a file are named', async () => {
    const { result } = await rig.runYaml(`
name: wrong
steps:
  - {id: a, run: 'echo "b_c=1" >> "$STEPSPAN_OUTPUTS"'}
  - {id: a-b, run: 'echo "c=2" >> "$STEPSPAN_OUTPUTS"'}
  - {id: gone, run: 'rm "$STEPSPAN_OUTPUTS"'}
  - {id: linked, run: 'ln -sf /etc/hostname "$STEPSPAN_OUTPUTS"'}
  - {id: full, run: 'yes x=1 | head -c 1200000 >> "$STEPSPAN_OUTPUTS" || true'}
  - {id: both, needs: [a, a-b], run: 'echo "<$STEPSPAN_OUTPUTS_A_B_C>"'}
  - {id: missing, needs: a, when: steps.a.outputs.nope == 1, continueOnFailure: true, run: 'true'}
`);
    const journal = await rig.journal(result.runId);
    expect(journal.text('stdout', 'both')).toBe('<>\n');
    expect(journal.text('system', 'both')).toContain(
      'STEPSPAN_OUTPUTS_A_B_C is not set, as it would be steps.a-b.outputs.c and steps.a.outputs.b_c',
    );
    expect(journal.text('system', 'gone')).toContain('the step removed it');
    expect(journal.text('system', 'linked')).toContain('the step put a link in its place');
    expect(journal.text('system', 'full')).toContain('only its first 1048576 bytes were read');
    expect(result.steps.find(({ id }) => id === 'missing')?.message).toContain(
      'step `a` set no output named `nope`; it set `b_c`',
    );
  });

  test('are checked by `validate` as far as they are known', async () => {
    const file = rig.write(
      'check.yaml',
      `
name: check
steps:
  - {id: a, run: 'true'}
  - {id: b, needs: a, when: steps.a.outputs == 1, run: 'true'}
  - {id: c, needs: a, when: steps.a.outputs.1x == 1, run: 'true'}
  - {id: d, when: steps.a.outputs.x == 1, run: 'true'}
  - {id: e, needs: a, run: 'echo {{ steps.a.outputs.x }}'}
`,
    );
    const { code, stderr } = await rig.run(['validate', file]);
    expect(code).toBe(2);
    expect(stderr).toContain('write `steps.a.outputs.NAME`');
    expect(stderr).toContain('`1x` cannot be the name of an output');
    expect(stderr).toContain('step `a` is not among the needs of `d`');
    expect(stderr).toContain('write `"$STEPSPAN_OUTPUTS_A_X"`');
  });
});

describe('a variable that nothing sets', () => {
  test('is a warning of `validate` and of the run, which is carried out', async () => {
    const yaml = `
name: made-up
steps:
  - {id: build, run: echo built}
  - id: use
    needs: build
    run: |
      for n in STEPSPAN_OUTPUT_BUILD STEPSPAN_OUTPUT_BIULD; do echo "<\${!n}>"; done
`;
    const file = rig.write('made-up.yaml', yaml);
    const checked = await rig.run(['validate', file]);
    expect(checked.code).toBe(0);
    expect(checked.stderr).toMatch(/made-up\.yaml:8:\d+: warning: nothing sets STEPSPAN_OUTPUT_BIULD\n +did you mean/);
    const { code, result } = await rig.runYaml(yaml);
    expect(code).toBe(0);
    const journal = await rig.journal(result.runId);
    expect(journal.text('system')).toMatch(/:8:\d+: warning: nothing sets STEPSPAN_OUTPUT_BIULD/);
    expect(journal.text('stdout', 'use')).toBe('<built>\n<>\n');
  });
});
