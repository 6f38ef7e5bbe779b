// The texts inside a secret that is JSON, such as a service account: a program that prints it in another layout, or one field
// of it, would show them. Pure; used by the redactor on every secret value.
import { isSecretName, whyNotSecret } from './environment.ts';

/** Of one secret. A credential has a few; each costs the matcher several forms. */
const maxLeaves = 200;

/** Of lists, mappings and JSON in texts of JSON, one in the other. A credential has two. */
const maxDepth = 20;

/**
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
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
