// The routes of a conversation: its events with what its raw messages add, one raw message, and one picture of it. Pictures and
// messages come from the journal alone, and bounded. Called by index.ts.
import type { Router } from 'express';
import { createEntryCollector, imageOf, shortenMessage } from '../../conversation/index.ts';
import { createLineJoiner } from '../../core/join-lines.ts';
import { linesOf, seqCount } from '../../core/record.ts';
import type { ConversationAnswer, MessageAnswer } from '../schema/answers.ts';
import { routes } from '../schema/routes.ts';
import { ApiProblem } from './problem.ts';
import { addRoute, goneSignal } from './read-request.ts';
import type { FoundRun, RunAccess } from './run-access.ts';

/** Of what is answered at once: 2,000 usual events, and as much as a page reads without a pause. */
const maxAnswerChars = 4 * 1024 * 1024;

/** A picture that the API takes has 5 MB at most. */
const maxImageBytes = 8 * 1024 * 1024;

const maxMessageBytes = 32 * 1024 * 1024;

/** A message with pictures comes in some hundred pieces. */
const lookBack = 4_000;

export function addConversationRoutes(router: Router, runs: RunAccess): void {
  addRoute(router, routes.conversation, async (response, { id, query }) => {
    const { reader, problems } = await runs.find(id);
    const { step, attempt, limit, to = Number.POSITIVE_INFINITY } = query;
    const { firstSeq, nextSeq: headSeq } = await reader.head();
    const collector = createEntryCollector({ step, attempt });
    const turns: ConversationAnswer['turns'][number][] = [];
    const messages: ConversationAnswer['messages'][number][] = [];
    let chars = 0;
    let next = Math.min(Math.max(query.from ?? firstSeq, firstSeq), headSeq);
    const how = { from: next, signal: goneSignal(response), onProblem: problems.note };
    reading: for await (const records of reader.read(how)) {
      for (const record of records) {
        if (turns.length >= limit || chars > maxAnswerChars || record.seq >= to) break reading;
        next = record.seq + seqCount(record);
        for (const entry of collector.add(record)) {
          const { seq, timeNs, step: ofStep, attempt: ofAttempt } = entry;
          const place = { seq, ns: timeNs.toString(), step: ofStep, attempt: ofAttempt };
          if (entry.event === undefined) messages.push({ ...place, message: entry.message });
          else turns.push({ ...place, event: entry.event });
          chars += entry.event === undefined ? 500 : textLength(entry.event);
        }
      }
    }
    const answer: ConversationAnswer = { turns, messages, nextSeq: Math.min(next, headSeq), headSeq };
    response.json(answer);
  });

  addRoute(router, routes.message, async (response, { id, query: { seq } }) => {
    const line = await findMessage(await runs.find(id), seq, goneSignal(response));
    const answer: MessageAnswer = { seq, text: shortenMessage(line) };
    response.json(answer);
  });

  addRoute(router, routes.picture, async (response, { id, query: { seq, index } }) => {
    const picture = imageOf(await findMessage(await runs.find(id), seq, goneSignal(response)), index);
    if (picture === undefined) throw notFound(`The message ${seq} has no picture ${index}.`);
    const bytes = Buffer.from(picture.data, 'base64');
    if (bytes.length > maxImageBytes) throw notFound(`The picture is larger than ${maxImageBytes} bytes.`);
    response.type(picture.mediaType).send(bytes);
  });
}

function notFound(message: string): ApiProblem {
  return new ApiProblem(
    404,
    'no_message',
    message,
    'GET /api/v1/runs/:id/conversation lists messages and their pictures.',
  );
}

/** The raw message whose line has this number; secrets were hidden when it was recorded. */
async function findMessage({ reader, problems }: FoundRun, seq: number, signal: AbortSignal): Promise<string> {
  const { firstSeq } = await reader.head();
  const joiner = createLineJoiner({ maxLineBytes: maxMessageBytes, isFiltered: true });
  const from = Math.max(firstSeq, seq - lookBack);
  for await (const records of reader.read({ from, signal, onProblem: problems.note })) {
    for (const record of records) {
      if (record.seq > seq) throw notFound(`There is no raw message ${seq}.`);
      if (record.kind !== 'output' || record.stream !== 'debug') continue;
      for (const whole of joiner.add(record)) {
        if (whole.kind !== 'output') continue;
        const line = [...linesOf(whole)].find((each) => each.seq === seq);
        if (line !== undefined) return line.bytes.toString('utf8');
      }
    }
  }
  throw notFound(`There is no raw message ${seq}.`);
}

function textLength(event: object): number {
  let length = 200;
  for (const value of Object.values(event)) if (typeof value === 'string') length += value.length;
  return length;
}
