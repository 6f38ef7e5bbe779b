// Blocks as Markdown, to be copied from the page or printed with `stepspan show --markdown`, and the words that page and terminal use
// for a block. Pure.
import { formatCost } from '../core/cost.ts';
import { formatDuration } from '../core/duration.ts';
import { plural } from '../core/units.ts';
import { unreachable } from '../core/unreachable.ts';
import { code, fenced } from '../text/markdown.ts';
import { seenText } from '../text/seen.ts';
import { type Block, type Conversation, childrenOf, type ToolBlock, type Use } from './block.ts';
import type { Patch } from './patch.ts';
import type { TaskItem } from './task-list.ts';
import { commandOutput, isCommand, subagentReport } from './tool-call.ts';

/** Lines of one result; the rest is counted. */
const MAX_RESULT_LINES = 200;

export function conversationToMarkdown(title: string, { blocks, tasks, total }: Conversation): string {
  const parts = [`# ${title}`, ...blocks.map((block) => blockToMarkdown(block))];
  if (tasks.length > 0) parts.push(`## Tasks\n\n${tasks.map(taskToMarkdown).join('\n')}`);
  if (total.models.length > 0) parts.push(`*Calls of the model: ${describeUse(total)}*`);
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function taskToMarkdown({ text, state }: TaskItem): string {
  return `- [${state === 'completed' ? 'x' : ' '}] ${text}${state === 'in_progress' ? ' (in progress)' : ''}`;
}

/** `$0.0123, 14,200 tokens in, 80 out`. */
export function describeUse({ costUsd, isUnpriced, inputTokens, outputTokens }: Use): string {
  const cost = formatCost(costUsd, isUnpriced ? 'unknown' : 'known');
  return `${cost}, ${plural(inputTokens, 'token')} in, ${plural(outputTokens, 'token')} out`;
}

export function blockToMarkdown(block: Block): string {
  switch (block.kind) {
    case 'prompt':
      return ['## Prompt', block.text, ...systemPrompts(block)].join('\n\n');
    case 'message':
      return block.text.trim();
    case 'thinking':
      return block.text.trim() === '' ? '' : quoted(`*Thinking*\n\n${block.text.trim()}`);
    case 'tool':
      return toolToMarkdown(block);
    case 'denial':
      return `**${blockTitle(block)}** ${code(block.target)}`;
    case 'hook':
      return [`*${blockTitle(block)}*`, block.text === '' ? '' : fenced('', block.text)].filter(Boolean).join('\n\n');
    case 'result': {
      const text = block.repeatsMessage ? '' : block.text.trim();
      return [text, `*${blockTitle(block)}*`].filter((part) => part !== '').join('\n\n');
    }
    case 'session':
    case 'retry':
    case 'limit':
    case 'notice':
    case 'unknown':
      return `*${blockTitle(block)}*`;
    default:
      return unreachable(block);
  }
}

function systemPrompts(block: Extract<Block, { kind: 'prompt' }>): readonly string[] {
  const texts = { 'System prompt': block.systemPrompt, 'Appended to the system prompt': block.appendSystemPrompt };
  return Object.entries(texts).flatMap(([title, text]) => (text === undefined ? [] : [`### ${title}\n\n${text}`]));
}

/** One line of plain words about a block, without its texts. */
export function blockTitle(block: Block): string {
  switch (block.kind) {
    case 'prompt':
      return `Prompt, ${plural(block.bytes, 'byte')}${block.isCut ? ', its middle left out' : ''}`;
    case 'session':
      return `Claude Code ${block.version}, ${block.model}`;
    case 'message':
      return 'Claude';
    case 'thinking':
      return block.text.trim() === '' ? 'Thinking, not shown by the API' : 'Thinking';
    case 'tool':
      return [block.tool, block.target].filter((part) => part !== '').join(' ');
    case 'retry':
      return retryTitle(block);
    case 'limit':
      return `Rate or usage limit: ${block.status}${block.resetsAt === undefined ? '' : `, until ${block.resetsAt}`}`;
    case 'denial':
      return `${block.tool}: permission denied${block.reason === '' ? '' : `: ${block.reason}`}`;
    case 'hook': {
      const code = block.exitCode === undefined ? '' : `, exit code ${block.exitCode}`;
      return `Hook ${block.name}: ${block.outcome}${code}`;
    }
    case 'notice':
      return block.text;
    case 'unknown': {
      const what =
        block.blockType === undefined ? `message of type ${block.messageType}` : `block of type ${block.blockType}`;
      return `A ${what} that this version does not know`;
    }
    case 'result':
      return resultTitle(block);
    default:
      return unreachable(block);
  }
}

function retryTitle({ tries, maxRetries }: Extract<Block, { kind: 'retry' }>): string {
  const most = maxRetries === undefined ? '' : ` of ${maxRetries}`;
  const last = tries.at(-1);
  return `The API failed ${plural(tries.length, 'time')}: ${last?.error ?? ''}, retry ${last?.attempt ?? 0}${most}`;
}

function resultTitle(block: Extract<Block, { kind: 'result' }>): string {
  const how = block.isError ? `Ended with ${block.subtype}` : 'Done';
  const cost = formatCost(block.costUsd, block.costUnknown === undefined ? 'known' : 'unknown');
  return `${how} · ${plural(block.turns, 'turn')} · ${formatDuration(block.durationMs)} · ${cost}`;
}

/** What one line says of a call besides its name and its target: changed lines, outcome, time. */
export function toolDetail(block: ToolBlock): readonly string[] {
  const { patch, state, exitCode, endMs, timeMs, children, use } = block;
  return [
    patch === undefined ? '' : `+${patch.added} −${patch.removed}`,
    state === 'denied' ? 'denied' : exitCode !== undefined && exitCode !== 0 ? `exit code ${exitCode}` : '',
    state === 'error' && (exitCode ?? 0) === 0 ? 'error' : '',
    children.length === 0 ? '' : `subagent, ${plural(children.length, 'block')}`,
    use === undefined ? '' : formatCost(use.costUsd, use.isUnpriced ? 'unknown' : 'known'),
    endMs === undefined ? '' : formatDuration(endMs - timeMs),
  ].filter((part) => part !== '');
}

function toolToMarkdown(block: ToolBlock): string {
  const facts = toolDetail(block).join(', ');
  const head = `**${block.tool}**${block.target === '' ? '' : ` ${code(block.target)}`}${facts === '' ? '' : ` (${facts})`}`;
  const reason = block.reason === undefined ? '' : `Denied: ${block.reason}`;
  const notes = block.notes.map((note) => `*${note}*`);
  const below = childrenOf(block)
    .map((child) => blockToMarkdown(child))
    .filter((text) => text !== '');
  const parts = [head, reason, ...notes, toolBody(block), below.length === 0 ? '' : quoted(below.join('\n\n'))];
  return parts.filter((part) => part !== '').join('\n\n');
}

function toolBody(block: ToolBlock): string {
  if (block.patch !== undefined && block.state !== 'error') return fenced('diff', patchText(block.patch));
  const text = seenText(toolOutput(block)).trimEnd();
  if (text === '') return '';
  return block.children.length > 0 ? text : fenced('', limited(text));
}

/** What came back, without what other words have: the exit code, the words around a report, a denial. */
export function toolOutput({ result, state, tool, children }: ToolBlock): string {
  if (result === undefined || state === 'denied') return '';
  if (children.length > 0) return subagentReport(result);
  return isCommand(tool) ? commandOutput(result) : result;
}

function patchText({ hunks, isCut }: Patch): string {
  const lines = hunks.flatMap(({ oldStart, newStart, lines: own }) => [
    ...(oldStart === 0 && newStart === 0 ? [] : [`@@ -${oldStart} +${newStart} @@`]),
    ...own,
  ]);
  return [...lines, ...(isCut ? ['…'] : [])].join('\n');
}

function limited(text: string): string {
  const lines = text.split('\n');
  const rest = lines.length - MAX_RESULT_LINES;
  return rest <= 0 ? text : [...lines.slice(0, MAX_RESULT_LINES), `… ${plural(rest, 'more line')}`].join('\n');
}

function quoted(text: string): string {
  return text
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}
