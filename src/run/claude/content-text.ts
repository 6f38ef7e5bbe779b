// Blocks of a message's content as text: results of tools, and of what the API ran itself. Pure. Called by stream-json.ts.
// Pictures and other data in base64 are named by media type and size and never repeated: the raw line has them once.

import { isObject, type JsonObject, objectAt, objectsAt, textAt } from '../../core/json.ts';
import { formatBytes } from '../../core/units.ts';

/** A result is a string or a list of blocks. */
export function textOfContent(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return isObject(content) ? textOfBlock(content) : '';
  return content.filter(isObject).map(textOfBlock).join('\n');
}

function textOfBlock(block: JsonObject): string {
  const text = textAt(block, 'text');
  if (text !== undefined) return text;
  const type = textAt(block, 'type') ?? 'block';
  const source = objectAt(block, 'source');
  switch (type) {
    case 'image':
    case 'document':
    case 'audio': {
      const data = textAt(source, 'data') ?? textAt(block, 'data');
      const media = textAt(source, 'media_type') ?? textAt(block, 'mimeType') ?? '';
      const from = textAt(source, 'url') ?? textAt(source, 'file_id');
      return `[${[`${type} ${media}`.trim(), data === undefined ? (from ?? '') : sizeOfBase64(data)].filter((part) => part !== '').join(', ')}]`;
    }
    case 'resource': {
      const resource = objectAt(block, 'resource');
      const inner = textAt(resource, 'text');
      if (inner !== undefined) return inner;
      const blob = textAt(resource, 'blob');
      const parts = [
        textAt(resource, 'uri'),
        textAt(resource, 'mimeType'),
        blob === undefined ? undefined : sizeOfBase64(blob),
      ];
      return `[resource ${parts.filter((part) => part !== undefined).join(', ')}]`;
    }
    case 'tool_reference':
      return `[tool ${textAt(block, 'tool_name') ?? textAt(block, 'name') ?? ''}]`;
    case 'web_search_result':
    case 'search_result':
    case 'resource_link':
      return [
        textAt(block, 'title') ?? textAt(block, 'name'),
        textAt(block, 'url') ?? textAt(block, 'source') ?? textAt(block, 'uri'),
      ]
        .filter((part) => part !== undefined)
        .join(' ');
    default:
      return otherBlock(type, block);
  }
}

/** The result of a server-side tool: an error code, what a program printed, or a page. */
function otherBlock(type: string, block: JsonObject): string {
  const error = textAt(block, 'error_code');
  if (error !== undefined) return `[${type}: ${error}]`;
  const printed = ['stdout', 'stderr'].map((key) => textAt(block, key) ?? '').filter((text) => text !== '');
  if (printed.length > 0) return printed.join('\n');
  const content = block.content;
  if (isObject(content) || objectsAt(block, 'content').length > 0) {
    const url = textAt(block, 'url');
    return `${url === undefined ? '' : `${url}\n`}${textOfContent(content)}`;
  }
  return `[${type}]`;
}

/** Whether the content of a server-side tool's result says that the tool failed. */
export function isErrorContent(content: unknown): boolean {
  return isObject(content) && (textAt(content, 'type') ?? '').endsWith('_error');
}

function sizeOfBase64(data: string): string {
  return formatBytes(Math.floor((data.length * 3) / 4) - (data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0));
}
