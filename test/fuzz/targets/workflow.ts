// The workflow parser: any text is a workflow, or problems that name a line of it and say what to write.
import { parseWorkflow } from '../../../src/workflow/index.ts';
import { type FuzzTarget, must } from '../target.ts';

export const workflow: FuzzTarget = {
  name: 'workflow',
  seeds: [
    'name: a\nsteps:\n  - id: x\n    run: echo hi\n',
    'name: b\nbudget: 2\nparams:\n  depth: {type: number, default: 3}\nsteps:\n  - id: x\n    run: echo {{ params.depth }}\n    retries: {max: 2, delay: 1s}\n  - id: y\n    needs: [x]\n    if: steps.x.outcome == "success"\n    claude: {prompt: "say {{ steps.x.output }}", model: opus}\n',
    'name: c\nenv: &e {A: b}\nsteps:\n  - {id: x, run: "true", env: *e, timeout: 5m, shell: [bash, -c]}\n',
  ],
  words: [
    '{{ ',
    ' }}',
    'steps.',
    'params.',
    '*e',
    '&e',
    '<<: ',
    '- id: ',
    'needs: [',
    'timeout: ',
    '9999999999d',
    '\t',
    '\u0000',
    '!!binary ',
    '? ',
    'if: ',
    ' == ',
    '\r\n',
  ],
  run(input) {
    const text = input.toString('utf8');
    const result = parseWorkflow(text, { file: 'w.yaml', cwd: '/', params: {} } as never);
    if (result.ok) {
      must(result.workflow.steps.length > 0, 'a workflow has a step');
      return;
    }
    must(result.problems.length > 0, 'what is refused has a problem');
    const lines = text.split('\n').length;
    for (const { line, message, fix } of result.problems) {
      must(line === undefined || (line >= 0 && line <= lines + 1), `line ${line} is one of ${lines}`);
      must(message !== '' && typeof fix === 'string', 'a problem says what is wrong');
    }
  },
};
