// `stepspan show RUN --step X --conversation`: a Claude step as a conversation, readable in a terminal, or as Markdown. Called by show.ts;
// what is read is the same tree of blocks as the page draws.
import {
  type Block,
  blockTitle,
  type Conversation,
  conversationToMarkdown,
  createEntryCollector,
  describeUse,
  type Entry,
  foldConversation,
  type Patch,
  type TaskItem,
  type ToolBlock,
  toolDetail,
  toolOutput,
} from '../conversation/index.ts';
import { seqCount } from '../core/record.ts';
import { unreachable } from '../core/unreachable.ts';
import { type JournalReader, openJournal, type RunFolder } from '../journal/index.ts';
import type { RunState, StepState } from '../runs/index.ts';
import { type CliContext, fail } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { readable } from './find-run.ts';
import { createOutput } from './output.ts';
import { terminalRows } from './terminal/sanitize.ts';
import { createStyle, type Style, wantsColour } from './terminal/style.ts';

export type ConversationFlags = { readonly step?: string; readonly markdown?: boolean };

type Found = { readonly folder: RunFolder; readonly state: RunState; readonly colour: 'auto' | 'always' | 'never' };

export async function showConversation(found: Found, flags: ConversationFlags, context: CliContext): Promise<void> {
  const { folder, state, colour } = found;
  const step = claudeStep(state, flags.step, context);
  if (step === undefined) return;
  const conversation = await readable(context, () => readConversation(openJournal(folder), step));
  if (conversation === 'unreadable') return;
  const output = createOutput(context.stdout);
  const style = createStyle(wantsColour(colour, context.env, context.stdout));
  const text =
    flags.markdown === true
      ? plainText(conversationToMarkdown(step.name, conversation))
      : `${conversationLines(conversation, style).join('\n')}\n`;
  await output.write(text);
  output.release();
}

function claudeStep(state: RunState, id: string | undefined, context: CliContext): StepState | undefined {
  const all = state.steps.filter(({ kind, attempts }) => kind === 'claude' && attempts.length > 0);
  const names = all.map((step) => step.id).join(', ');
  if (id === undefined) {
    const [only, ...more] = all;
    if (only !== undefined && more.length === 0) return only;
    const why = only === undefined ? 'has no conversation: no Claude step has started' : 'has several conversations';
    const fix = only === undefined ? [] : [`choose one with --step: ${names}`];
    return fail(context, exitCodes.notFound, `run ${state.runId} ${why}`, ...fix);
  }
  const step = all.find((each) => each.id === id);
  const rest = all.length === 0 ? '' : `; those with one are ${names}`;
  return step ?? fail(context, exitCodes.notFound, `step \`${id}\` of run ${state.runId} has no conversation${rest}`);
}

async function readConversation(reader: JournalReader, step: StepState): Promise<Conversation> {
  const collector = createEntryCollector({ step: step.id });
  const seqs = step.attempts.map(({ lastSeq }) => lastSeq ?? Number.POSITIVE_INFINITY);
  const entries: Entry[] = [];
  reading: for await (const records of reader.read({ from: step.attempts[0]?.firstSeq ?? 0 })) {
    for (const record of records) {
      entries.push(...collector.add(record));
      if (record.seq + seqCount(record) > Math.max(...seqs)) break reading;
    }
  }
  return foldConversation(entries);
}

/** Markdown is data from outside as well: it goes to a terminal without its control sequences. */
function plainText(text: string): string {
  return text
    .split('\n')
    .map((line) => terminalRows(line, false).rows.join('\n'))
    .join('\n');
}

function conversationLines({ blocks, tasks, total }: Conversation, style: Style): readonly string[] {
  const lines: string[] = [];
  let attempt = blocks[0]?.attempt;
  for (const block of blocks) {
    if (block.attempt !== attempt) lines.push('', style.bold(`── attempt ${block.attempt} ──`));
    attempt = block.attempt;
    const own = blockLines(block, style);
    // Calls follow each other closely; texts have room around them.
    const isText = block.kind === 'message' || block.kind === 'prompt' || block.kind === 'result';
    if (isText && lines.length > 0) lines.push('');
    lines.push(...own);
    if (isText) lines.push('');
  }
  if (tasks.length > 0) lines.push('', style.bold('Tasks'), ...tasks.map((task) => taskLine(task, style)));
  if (total.models.length > 0) lines.push('', style.dim(`Calls of the model: ${describeUse(total)}`));
  // Two blocks with room around them have one empty line between them.
  return lines.filter((line, index) => line !== '' || (lines[index - 1] ?? '') !== '');
}

function taskLine({ text, state }: TaskItem, style: Style): string {
  const line = ` ${state === 'completed' ? '[x]' : state === 'in_progress' ? '[>]' : '[ ]'} ${oneRow(text)}`;
  return state === 'in_progress' ? style.cyan(line) : state === 'completed' ? style.dim(line) : line;
}

function blockLines(block: Block, style: Style): readonly string[] {
  const title = oneRow(blockTitle(block));
  switch (block.kind) {
    case 'prompt':
      return [style.bold(style.cyan('> Prompt')), ...textRows(block.text).map((row) => style.cyan(`  ${row}`))];
    case 'message':
      return markdownRows(block.text, style);
    case 'thinking':
      return [style.dim(`✻ ${title}`), ...textRows(block.text).map((row) => style.dim(`  ${row}`))];
    case 'tool':
      return toolLines(block, style);
    case 'result': {
      const text = block.repeatsMessage ? [] : markdownRows(block.text, style);
      return [...text, block.isError ? style.red(`✘ ${title}`) : style.green(`✔ ${title}`)];
    }
    case 'hook':
      return [style.dim(`◦ ${title}`), ...textRows(block.text).map((row) => style.dim(`  ${row}`))];
    case 'retry':
    case 'limit':
      return [style.yellow(`! ${title}`)];
    case 'denial':
      return [style.yellow(`⊘ ${title}${block.target === '' ? '' : ` (${oneRow(block.target)})`}`)];
    case 'session':
    case 'notice':
    case 'unknown':
      return [style.dim(`◦ ${title}`)];
    default:
      return unreachable(block);
  }
}

/** Lines of one result; `--markdown` has more, and the page all of them. */
const maxRows = 20;

function toolLines(block: ToolBlock, style: Style): readonly string[] {
  const facts = toolDetail(block).join(', ');
  const isBad = block.state === 'error' || block.state === 'denied';
  const mark = block.state === 'running' ? style.cyan('▸') : isBad ? style.red('✘') : style.green('●');
  const target = block.target === '' ? '' : `(${oneRow(block.target)})`;
  const head = `${mark} ${style.bold(oneRow(block.tool))}${target}${facts === '' ? '' : style.dim(`  ${facts}`)}`;
  const reason = block.reason === undefined ? [] : [style.yellow(`  ${oneRow(block.reason)}`)];
  const notes = block.notes.map((note) => style.dim(`  ◦ ${oneRow(note)}`));
  const below = block.children.flatMap((child) => blockLines(child, style)).map((line) => `  │ ${line}`);
  return [head, ...reason, ...notes, ...below, ...bodyLines(block, style)];
}

function bodyLines(block: ToolBlock, style: Style): readonly string[] {
  if (block.patch !== undefined && block.state !== 'error') return patchLines(block.patch, style);
  const text = toolOutput(block);
  const rows = text === '' ? [] : text.split('\n').flatMap((line) => terminalRows(line, style.colour).rows);
  const rest = rows.length - maxRows;
  return [
    ...rows.slice(0, maxRows).map((row, index) => `  ${index === 0 ? '⎿ ' : '  '}${row}`),
    ...(rest > 0 ? [style.dim(`    … ${rest} more lines`)] : []),
  ];
}

function patchLines({ hunks, isCut }: Patch, style: Style): readonly string[] {
  const rows = hunks.flatMap(({ newStart, lines }, index) => [
    ...(index > 0 ? [style.dim(`    ⋯${newStart > 0 ? ` line ${newStart}` : ''}`)] : []),
    ...lines.map((line) => {
      const row = `    ${oneRow(line)}`;
      return line.startsWith('+') ? style.green(row) : line.startsWith('-') ? style.red(row) : style.dim(row);
    }),
  ]);
  return isCut ? [...rows, style.dim('    …')] : rows;
}

/** Headings, code and emphasis are marked; the text stays Markdown, which people read as it is. */
function markdownRows(text: string, style: Style): readonly string[] {
  let isCode = false;
  return textRows(text.trim()).map((row) => {
    if (/^\s*(```|~~~)/.test(row)) {
      isCode = !isCode;
      return style.dim(row);
    }
    if (isCode) return style.cyan(row);
    if (/^#{1,6} /.test(row)) return style.bold(row);
    return row
      .replace(/\*\*([^*]+)\*\*/g, (_all, inner: string) => style.bold(inner))
      .replace(/`([^`]+)`/g, (_all, inner: string) => style.cyan(inner));
  });
}

function textRows(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n').map(oneRow);
}

function oneRow(text: string): string {
  return terminalRows(text.replaceAll('\n', ' '), false).rows.join(' ');
}
