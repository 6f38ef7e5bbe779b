// A scripted session in which Claude Code writes, edits, runs commands, reads a picture, edits a notebook, thinks, starts a subagent
// and is given a list of tasks. Its tools are carried out on real files in a folder of the test.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Script } from '../../demo/messages-api/script.ts';

/** Three pixels wide and two high. */
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAE0lEQVR4nGP4z8DAwMAApBkgNAAbBgH/rHpAyQAAAABJRU5ErkJggg==';

const explained = `I look at the **shares** first.

| file | why |
| --- | --- |
| \`cart.ts\` | rounds |

\`\`\`ts
const share = 1;
\`\`\`

See [the docs](https://example.org/docs), [not this](javascript:alert(1)), ![nor this](https://example.org/a.png)
<img src=x onerror="document.title=1">`;

export function workWithEveryTool(folder: string): Script {
  const file = path.join(folder, 'cart.ts');
  const picture = path.join(folder, 'dot.png');
  const notebook = path.join(folder, 'work.ipynb');
  writeFileSync(picture, Buffer.from(dot, 'base64'));
  const cell = { id: 'one', cell_type: 'code', source: 'print(1)', metadata: {}, outputs: [], execution_count: null };
  const language = { kernelspec: { name: 'python3', display_name: 'Python' }, language_info: { name: 'python' } };
  writeFileSync(notebook, JSON.stringify({ cells: [cell], metadata: language, nbformat: 4, nbformat_minor: 5 }));
  const before =
    'export function share(total, people) {\n  const cents = Math.round(total / people);\n  return cents;\n}\n';
  const edit = {
    file_path: file,
    old_string: '  const cents = Math.round(total / people);',
    new_string: '  const cents = Math.floor(total / people);\n  const left = total % people;',
  };
  const bash = (command: string, description: string) => ({ name: 'Bash', input: { command, description } });
  return [
    {
      prompt: 'work with every tool',
      turns: [
        {
          kind: 'reply',
          thinking: 'The cents must add up.\nSo I round down.',
          text: explained,
          tools: [{ name: 'Write', input: { file_path: file, content: before } }],
        },
        { kind: 'reply', tools: [{ name: 'Edit', input: edit }] },
        { kind: 'reply', tools: [bash("printf '\\033[31mred\\033[0m and plain\\n'; exit 3", 'Fails in red')] },
        { kind: 'reply', tools: [{ name: 'Read', input: { file_path: picture } }] },
        {
          kind: 'reply',
          tools: [
            bash(`cat ${notebook} | head -c 20`, 'Looks at the notebook'),
            { name: 'Read', input: { file_path: notebook } },
          ],
        },
        {
          kind: 'reply',
          tools: [
            {
              name: 'NotebookEdit',
              input: { notebook_path: notebook, cell_id: 'one', new_source: 'print(2)\nprint(3)' },
            },
          ],
        },
        {
          kind: 'reply',
          text: 'I ask somebody.',
          tools: [
            {
              name: 'Task',
              input: {
                description: 'Look for it',
                prompt: 'look at the sub job',
                subagent_type: 'general-purpose',
                run_in_background: false,
              },
            },
          ],
        },
        { kind: 'reply', text: 'All of it is done.' },
      ],
    },
    {
      prompt: 'look at the sub job',
      turns: [
        { kind: 'reply', text: 'The subagent looks.', tools: [bash('echo found', 'Looks')] },
        { kind: 'reply', text: 'It was **found**.' },
      ],
    },
  ];
}
