// Reads the body of one HTTP request within a bound, inflating gzip. Knows nothing of telemetry.
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export type Body =
  | { readonly kind: 'body'; readonly text: string }
  | { readonly kind: 'refused'; readonly status: 400 | 413 | 415; readonly why: string };

/**
 * Of one request, on the wire and inflated. Claude Code sends at most 512 spans or log records a request, of some KiB
 * each; with prompts and tool content turned on one can reach 60 KiB. A gzip bomb ends here.
 */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

const inflate = promisify(gunzip);

export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Body> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    return { kind: 'refused', status: 415, why: `content-encoding ${encoding} is not read here; use gzip or none` };
  }
  const tooLarge = { kind: 'refused', status: 413, why: `the body is over the bound of ${maxBytes} bytes` } as const;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return tooLarge;
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (encoding === 'identity') return { kind: 'body', text: bytes.toString('utf8') };
  try {
    return { kind: 'body', text: (await inflate(bytes, { maxOutputLength: maxBytes })).toString('utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge;
    return { kind: 'refused', status: 400, why: 'the body is not valid gzip' };
  }
}
