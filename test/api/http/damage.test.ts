// A run whose journal is damaged: every answer that lacks something says so, and so does the run that a page shows.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createJournal } from '../../../src/journal/index.ts';
import { nextRunId, tempData } from '../../hub/hub-rig.ts';
import { output } from '../../journal/journal-rig.ts';
import { runFinished, runStarted } from '../../runs/journal-of.ts';
import { send } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { liveHub } from './api-rig.ts';

const lines = 60;

test('output, searches, downloads and the view of a damaged run name what they lack', async () => {
  const data = tempData();
  const runId = nextRunId();
  const options = { segmentBytes: 1500, indexEveryBytes: 300, archive: false } as const;
  const { folder, ...journal } = createJournal(data.runDir(runId), options);
  journal.event(runStarted(['a'], { runId }));
  for (let line = 0; line < lines; line++) journal.output(output(`line ${line}\n`));
  journal.event(runFinished());
  await journal.close();
  const segments = readdirSync(folder.journalDir).filter((name) => name.endsWith('.seg'));
  const damaged = join(folder.journalDir, segments[1]!);
  const bytes = readFileSync(damaged);
  bytes[bytes.indexOf('line ')]! ^= 1;
  writeFileSync(damaged, bytes);

  const hub = await liveHub(data);
  const path = `/api/v1/runs/${runId}`;
  const missing = [
    expect.stringMatching(/^\S+\.seg is damaged at byte \d+: /),
    expect.stringMatching(/^Records \d+ to \d+ are missing \(corrupt\)\.$/),
  ];

  const { body: range } = await hub.get(`${path}/output?limit=1000`);
  expect(range.lines.length).toBeLessThan(lines);
  expect(range.problems).toEqual(missing);

  const last = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1)!);
  expect(last((await hub.get(`${path}/search?q=line`)).text).done.problems).toEqual(missing);
  expect(last((await hub.get('/api/v1/search?q=line')).text).done).toMatchObject({ unreadable: [runId] });

  const exported = await new Promise<{ trailer: unknown; text: string }>((resolve, reject) => {
    const headers = { authorization: `Bearer ${hub.tokens.control}` };
    get(`${hub.url}${path}/export?format=text`, { headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ trailer: response.trailers['stepspan-journal-problems'], text }));
    }).on('error', reject);
  });
  expect(exported.text).toContain(`line ${lines - 1}\n`);
  expect(exported.trailer).toMatch(/is damaged at byte .* are missing \(corrupt\)\.$/);

  // A client that can take no trailer gets the file as well.
  const old = (method: string) =>
    send(
      hub.port,
      `${method} ${path}/export?format=text HTTP/${method === 'HEAD' ? '1.1' : '1.0'}\r\nHost: 127.0.0.1:${hub.port}\r\nAuthorization: Bearer ${hub.tokens.control}\r\nConnection: close\r\n\r\n`,
    ).over;
  expect((await old('GET')).endsWith(exported.text)).toBe(true);
  expect(await old('HEAD')).toMatch(/^HTTP\/1\.1 200 /);

  const { body: view } = await until(async () => {
    const answer = await hub.get(path);
    return answer.body.journalProblems.length > 0 && answer;
  });
  expect(view.journalProblems).toEqual(missing);
});
