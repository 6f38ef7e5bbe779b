// The redactor of a run: gathers what is secret, and hides it in streams, texts and values. The other files of this folder
// say how secrets look (environment, forms, rules), how they are found (matcher) and how output is held back (stream).
import { contextRules } from './context-rules.ts';
import { type LeftOut, MIN_ENVIRONMENT_VALUE_LENGTH, secretsOf } from './environment.ts';
import { formsOf, jsonLeaves } from './forms.ts';
import type { RedactionKind } from './kinds.ts';
import type { Needle } from './literals.ts';
import { createMatcher, type Matcher } from './matcher.ts';
import { privateKeyRule } from './private-key-rule.ts';
import { createRedactionStream, type RedactionStream, redactWhole } from './stream.ts';
import { tokenRules } from './token-rules.ts';
import { type RedactedText, type RedactedValue, redactValue } from './values.ts';

/**
 * A secret that is named is hidden from this length on, in characters of its value. A shorter one would be
 * found by chance in most lines, and could be guessed from the text around the markers.
 */
const MIN_NAMED_SECRET_LENGTH = 4;

export type RedactorOptions = {
  /** The environment whose secret-looking variables are hidden, and in which names are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Variables whose values are secrets whatever they look like: `secrets:` of the workflow. */
  readonly extraSecretNames?: readonly string[];
  /** Whether well-known formats are hidden as well. Default: true. */
  readonly patterns?: boolean;
  /** False lets everything through untouched (setting `redact: off`). Default: true. */
  readonly enabled?: boolean;
};

/** Why something that was named as a secret is not hidden; `message` says what to do. */
export type SecretProblem = { readonly name: string; readonly message: string };

export type Redactor = {
  readonly enabled: boolean;
  /** A redactor for one stream of one attempt; streams share the secrets and nothing else. */
  readonly stream: () => RedactionStream;
  readonly text: (text: string) => RedactedText;
  /** Hides in all strings and keys of a JSON value; the `type` of an event stays. */
  readonly value: <T>(value: T) => RedactedValue<T>;
  /** Adds a secret by name, as `secrets:` does. @returns a problem if it is too short to be hidden */
  readonly addSecret: (name: string, value: string) => SecretProblem | undefined;
  /** Adds what is secret in one more environment, as that of a step: by its look, and what was named beforehand. */
  readonly addEnvironment: (env: RedactorOptions['env']) => void;
  /** Named secrets that are not hidden: too short, or set in none of the environments so far. */
  readonly problems: () => readonly SecretProblem[];
  /** Variables that are called like secrets and are not hidden, with the reason. */
  readonly leftOut: () => readonly LeftOut[];
  /** Names of the variables whose values are hidden. */
  readonly hiddenNames: () => readonly string[];
};

/** Gathers the secrets of `options.env` at once; later changes of the environment are not seen. */
export function createRedactor(options: RedactorOptions): Redactor {
  const enabled = options.enabled ?? true;
  const secrets = createSecretSet(options);
  if (enabled) secrets.addEnvironment(options.env);

  const text = (before: string): RedactedText => {
    if (!enabled || before === '') return { text: before, hidden: undefined };
    const { bytes, hidden } = redactWhole(secrets.matcher(), Buffer.from(before, 'utf8'));
    return { text: hidden === undefined ? before : bytes.toString('utf8'), hidden };
  };
  return {
    enabled,
    stream: () => (enabled ? createRedactionStream(secrets.matcher) : untouched),
    text,
    value: (value) => (enabled ? redactValue(value, text) : { value, hidden: undefined }),
    addSecret: (name, value) => (enabled ? secrets.addSecret(name, value) : undefined),
    addEnvironment(env) {
      if (enabled) secrets.addEnvironment(env);
    },
    problems: () => (enabled ? secrets.problems() : []),
    leftOut: secrets.leftOut,
    hiddenNames: secrets.hiddenNames,
  };
}

type SecretSet = Pick<Redactor, 'addSecret' | 'addEnvironment' | 'problems' | 'leftOut' | 'hiddenNames'> & {
  /** For all secrets so far. */
  readonly matcher: () => Matcher;
};

/** The secrets of a run, with the names that people know them by, and why others are not among them. */
function createSecretSet(options: RedactorOptions): SecretSet {
  const rules = (options.patterns ?? true) ? [...tokenRules, ...contextRules, privateKeyRule] : [];
  const needles = new Map<string, Needle>();
  const names = new Set<string>();
  const tooShort = new Map<string, string>();
  const leftOut = new Map<string, string>();
  const wanted = new Set(options.extraSecretNames);
  const unset = new Set(wanted);
  let matcher: Matcher | undefined;

  function hide(name: string, value: string, kind: RedactionKind): void {
    const minLength = kind === 'named' ? MIN_NAMED_SECRET_LENGTH : MIN_ENVIRONMENT_VALUE_LENGTH;
    for (const bytes of [value, ...jsonLeaves(value, minLength)].flatMap(formsOf)) {
      if (bytes.length < MIN_NAMED_SECRET_LENGTH) continue;
      const key = bytes.toString('latin1');
      const known = needles.get(key);
      // The first name of a value stays, unless somebody named it on purpose.
      if (known === undefined || (kind === 'named' && known.source.kind !== 'named')) {
        needles.set(key, { bytes, source: { kind, name } });
        matcher = undefined;
      }
    }
    names.add(name);
    leftOut.delete(name);
  }

  function addSecret(name: string, value: string): SecretProblem | undefined {
    const { length } = value.trim();
    if (length < MIN_NAMED_SECRET_LENGTH) {
      const message =
        `The secret ${name} has ${length} characters and is not hidden: a value below ${MIN_NAMED_SECRET_LENGTH} ` +
        'characters occurs in ordinary output. Use a longer secret, or take it out of "secrets".';
      tooShort.set(name, message);
      return { name, message };
    }
    hide(name, value, 'named');
    return undefined;
  }

  return {
    matcher() {
      matcher ??= createMatcher([...needles.values()], rules);
      return matcher;
    },
    addSecret,
    addEnvironment(env) {
      for (const name of wanted) {
        const value = env[name]?.trim() ?? '';
        if (value === '') continue;
        unset.delete(name);
        addSecret(name, value);
      }
      const found = secretsOf(env);
      for (const { name, value } of found.secrets) hide(name, value, 'environment');
      for (const { name, why } of found.leftOut) if (!names.has(name)) leftOut.set(name, why);
    },
    problems: () => [
      ...Array.from(tooShort, ([name, message]) => ({ name, message })),
      ...Array.from(unset, (name) => ({ name, message: unsetMessage(name) })),
    ],
    leftOut: () => Array.from(leftOut, ([name, why]) => ({ name, why })),
    hiddenNames: () => [...names],
  };
}

function unsetMessage(name: string): string {
  return `The secret ${name} is not set in any environment, so there is nothing to hide. Set it, or take it out of "secrets".`;
}

/** The stream of a redactor that is switched off. */
const untouched: RedactionStream = {
  push: (bytes) => ({ bytes, hidden: undefined }),
  flush: () => ({ bytes: Buffer.alloc(0), hidden: undefined }),
  end: () => ({ bytes: Buffer.alloc(0), hidden: undefined }),
  heldBytes: () => 0,
};
