// A watcher that comes late to a long run: how soon it has its first line, wherever it begins, and a search through all of it.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { SearchAnswer } from '../../src/api/schema/answers.ts';
import type { TailMessage } from '../../src/api/schema/messages.ts';
import { atMost, type Setting } from '../support/bench.ts';
import { median } from '../support/statistics.ts';
import type { Part } from './latency.ts';
import { startTailServer, type TailServer } from './server.ts';
import { ms } from './watcher.ts';

const fullBytes = 1e9;
const shortBytes = 3e8;

/** One alone is mostly about what else the machine did in those milliseconds. */
const tries = 5;

/** What was set as the most for the first line. */
const goalMs = 50;

export async function late(setting: Setting): Promise<Part> {
  const forms = setting.short ? (['raw'] as const) : (['raw', 'archived'] as const);
  const journalBytes = setting.short ? shortBytes : fullBytes;
  setting.say(`tail: late joiners and a search on a journal of ${journalBytes / 1e9} GB, ${forms.join(' and ')}`);
  const server = await startTailServer(setting.place);
  try {
    // A server that has answered before has compiled what it runs.
    const small = server.newRun();
    await server.write(small, { kind: 'history', bytes: 1e6, archive: true });
    await firstLine(server, small, 0);
    const rows: string[][] = [];
    const firstMs: number[] = [];
    for (const form of forms) {
      const runId = server.newRun();
      const lines = await server.write(runId, { kind: 'history', bytes: journalBytes, archive: form === 'archived' });
      const took: number[] = [];
      for (const share of [0, 0.5, 0.999]) {
        const each: number[] = [];
        for (let time = 0; time < tries; time++) each.push(await firstLine(server, runId, Math.floor(lines * share)));
        took.push(median(each));
      }
      firstMs.push(...took);
      const { wholeMs, progressMs, afterBytes } = await search(server, runId, lines);
      const speed = `${Math.round(journalBytes / 1000 / wholeMs)} MB/s`;
      rows.push([form, ...took.map(ms), speed, ms(progressMs), `${(afterBytes / 2 ** 20).toFixed(1)} MiB`]);
    }
    return {
      tables: [
        {
          columns: [
            'journal',
            'first line, from the first',
            'from the middle',
            'from the end',
            'search for what is not there',
            'its first progress',
            'read after its client left',
          ],
          rows,
        },
      ],
      ratios: [{ name: 'tail-late-joiner-to-50-ms', value: Math.max(...firstMs) / goalMs, bounds: atMost(1, 5) }],
      notes: [],
    };
  } finally {
    await server.stop();
  }
}

/** @returns milliseconds from asking on an open connection to the first line. Throws where it is not the right one */
async function firstLine(server: TailServer, runId: string, fromSeq: number): Promise<number> {
  const socket = new WebSocket(server.url);
  await once(socket, 'open');
  const started = performance.now();
  socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId, fromSeq }));
  for (;;) {
    const message = JSON.parse(String((await once(socket, 'message'))[0])) as TailMessage;
    if (message.type !== 'output_stream') continue;
    const took = performance.now() - started;
    socket.terminate();
    const seq = message.data.lines[0]?.seq;
    if (seq !== fromSeq) throw new Error(`a late joiner asked for ${fromSeq} and got ${seq}`);
    return took;
  }
}

type Searched = { readonly wholeMs: number; readonly progressMs: number; readonly afterBytes: number };

async function search(server: TailServer, runId: string, lines: number): Promise<Searched> {
  const url = `${server.apiUrl}/runs/${runId}/search?q=nothing`;
  const started = performance.now();
  let progressMs = Number.NaN;
  let end: SearchAnswer | undefined;
  for await (const answer of answersOf(url)) {
    if ('progress' in answer && Number.isNaN(progressMs)) progressMs = performance.now() - started;
    end = answer;
  }
  const wholeMs = performance.now() - started;
  if (end === undefined || !('done' in end) || end.done.nextSeq !== lines)
    throw new Error(`a search through ${lines} lines ended with ${JSON.stringify(end)}`);
  for await (const answer of answersOf(url)) if ('progress' in answer) break;
  return { wholeMs, progressMs, afterBytes: await readUntilQuiet(server) };
}

/** Leaving the loop leaves the search. */
async function* answersOf(url: string): AsyncGenerator<SearchAnswer> {
  const asked = request(url).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as SearchAnswer;
  }
}

/** @returns how many bytes the server has read from files since the call, until it stops reading */
async function readUntilQuiet(server: TailServer): Promise<number> {
  const before = (await server.state()).readBytes;
  for (let last = before, quiet = 0; ; ) {
    await delay(50);
    const now = (await server.state()).readBytes;
    // To be asked costs some bytes itself.
    quiet = now - last < 64 * 1024 ? quiet + 1 : 0;
    if (quiet === 3 || Number.isNaN(now)) return last - before;
    last = now;
  }
}
