// The forms in which one secret value may be printed, as byte strings to look for: the value itself, its encodings, its
// lines, and the texts inside it if it is JSON. Pure. Called by the redactor for every secret. The forms have no line ends:
// the matcher accepts a line break anywhere inside a secret.
import { isSecretName, whyNotSecret } from './environment.ts';

/** Below this, base64 and hex forms would be found in ordinary text by chance; only plain forms are looked for. */
const MIN_ENCODED_FORM_BYTES = 8;

/** A value is cut here: longer ones are files, whose parts (lines, PEM blocks) are found by themselves. */
const MAX_VALUE_BYTES = 16 * 1024;

/** A line of a many-line secret that is hidden on its own, as in a key file that is printed in part. */
const MIN_LINE_BYTES = 20;

/**
 * Every form of `value` that is searched for, each once and without line ends.
 * @param value the secret; blanks around it are not part of it
 */
export function formsOf(value: string): readonly Buffer[] {
  const trimmed = cut(value.trim());
  const forms = new Set<string>();
  const add = (text: string): void => {
    const compact = text.replace(/[\r\n]/g, '');
    if (compact !== '') forms.add(latin1(compact));
  };
  // An .env file writes the line ends of a key as backslash and n, and the program that reads it makes them real.
  const texts = trimmed.includes('\\n') ? [trimmed, trimmed.replaceAll('\\n', '\n')] : [trimmed];
  for (const text of texts) {
    add(text);
    for (const encoded of urlForms(text)) add(encoded);
    for (const encoded of jsonForms(text)) add(encoded);
    for (const encoded of [...base64Forms(text), ...hexForms(text)]) {
      if (encoded.length >= MIN_ENCODED_FORM_BYTES) add(encoded);
    }
    for (const line of linesToHide(text)) add(line);
  }
  return Array.from(forms, (form) => Buffer.from(form, 'latin1'));
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function cut(value: string): string {
  const bytes = Buffer.from(value, 'utf8');
  return bytes.length <= MAX_VALUE_BYTES ? value : bytes.subarray(0, MAX_VALUE_BYTES).toString('utf8').slice(0, -1);
}

/**
 * Base64 in all three alignments, standard and URL-safe. A character that also carries bits of the text before or
 * behind the secret is left off, so that each form is found inside the base64 text of anything that holds the secret.
 */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'utf8');
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const form = encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    return [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function hexForms(text: string): readonly string[] {
  const hex = Buffer.from(text, 'utf8').toString('hex');
  return [hex, hex.toUpperCase()];
}

/** As encodeURIComponent, RFC 3986, Python's quote (leaves the slash) and HTML forms (plus for space) write it. */
function urlForms(text: string): readonly string[] {
  const component = encodeURIComponent(text.toWellFormed());
  const strict = component.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const forms = [component, strict, strict.replaceAll('%2F', '/'), strict.replaceAll('%20', '+')];
  return forms.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

/** As JSON.stringify, Python, PHP, Go and .NET escape it, and each of these once more for JSON inside JSON. */
function jsonForms(text: string): readonly string[] {
  const once = [escapeJson, escapeNonAscii, escapeSlash, escapeHtml, escapeAllMarks].flatMap((encode) => {
    // Line by line: an escaped line end counts as a line break for the matcher, and is not part of a form.
    const form = text
      .split(/\r?\n/)
      .map((line) => encode(line))
      .join('');
    return [form, form.replace(/\\u[0-9a-f]{4}/g, (unit) => `\\u${unit.slice(2).toUpperCase()}`)];
  });
  return [...once, ...once.map(escapeJson)];
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function escapeNonAscii(text: string): string {
  return escapeJson(text).replace(/[\u0080-\uffff]/g, unicodeEscape);
}

function escapeSlash(text: string): string {
  return escapeNonAscii(text).replaceAll('/', '\\/');
}

function escapeHtml(text: string): string {
  return escapeJson(text).replace(/[<>&]/g, unicodeEscape);
}

function escapeAllMarks(text: string): string {
  return text.replace(/[\u0000-\u001f"'&<>+`\\\u007f-\uffff]/g, (char) =>
    char === '\\' ? '\\\\' : unicodeEscape(char),
  );
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Lines of a key file, not its frame and not prose: long and without blanks. */
function linesToHide(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  if (lines.length < 2) return [];
  return lines.filter((line) => line.length >= MIN_LINE_BYTES && !/\s/.test(line) && !line.startsWith('-----'));
}

/** Of one secret. A credential has a few; each costs the matcher several forms. */
const maxLeaves = 200;

/** Of nested lists, mappings and JSON in texts of JSON. A credential has two. */
const maxDepth = 20;

/**
 * The texts inside a secret that is JSON, such as a service account: a program that prints it in another layout, or one field
 * of it, would show them.
 * @param minLength of a text whose key says that it is a secret; any other text is judged as the value of a variable is
 * @returns nothing for a value that is not JSON
 */
export function jsonLeaves(value: string, minLength: number): readonly string[] {
  const leaves = new Set<string>();

  function addText(key: string, text: string, depth: number): void {
    const inner = parsed(text);
    if (inner !== undefined) walk(key, inner, depth + 1);
    else if (isSecretName(key) ? text.trim().length >= minLength : whyNotSecret(key, text.trim()) === undefined)
      leaves.add(text);
  }

  function walk(key: string, node: unknown, depth: number): void {
    if (depth > maxDepth || leaves.size >= maxLeaves) return;
    if (typeof node === 'string') addText(key, node, depth);
    else if (Array.isArray(node)) for (const item of node) walk(key, item, depth + 1);
    else if (typeof node === 'object' && node !== null)
      for (const [name, item] of Object.entries(node)) walk(name, item, depth + 1);
  }

  const root = parsed(value);
  if (root !== undefined) walk('', root, 0);
  return [...leaves].slice(0, maxLeaves);
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
