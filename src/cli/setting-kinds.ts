// How the value of a setting is read, from the text of a flag or a variable or from a value of a YAML file. Pure.
// Each kind says in its own words what was wrong and what to write instead; which setting it was is settings.ts's to add.

import path from 'node:path';
import { isArchiveUrl, locationText, parseLocation } from '../archive/location.ts';
import { maxDurationMs, parseDuration } from '../core/duration.ts';
import { labelKeyPattern, labelKeyRule, maxMetricLabels } from '../core/labels.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parseBytes } from '../core/units.ts';
import type { Durability } from '../journal/index.ts';
import { maxConcurrency } from '../workflow/defaults.ts';

/** `wrong` continues "X is", `write` continues "write". */
export type Parsed<T> = Result<T, { readonly wrong: string; readonly write: string }>;

export type Kind<T> = {
  /** As shown in help and documentation, `--flag <name>`. */
  readonly name: string;
  readonly isSecret?: boolean;
  /** @param base the folder that relative paths start from: of the file, or the working folder */
  readonly parse: (raw: unknown, base: string) => Parsed<T>;
};

const no = (wrong: string, write: string): Parsed<never> => failed({ wrong, write });

export const text: Kind<string> = {
  name: 'text',
  parse: (raw) => (typeof raw === 'string' && raw !== '' ? ok(raw) : no('not a text', 'a text that is not empty')),
};

/** A text that is a secret: no message shows it. */
export const secretText: Kind<string> = { ...text, isSecret: true };

export const folder: Kind<string> = {
  name: 'path',
  parse: (raw, base) =>
    typeof raw === 'string' && raw !== ''
      ? ok(path.resolve(base, raw))
      : no('not a path', 'a path, absolute or from here'),
};

/** A program: a bare name is looked up on PATH, anything with a slash is a path. */
export const program: Kind<string> = {
  name: 'program',
  parse: (raw, base) => {
    if (typeof raw !== 'string' || raw === '') return no('not a program', 'a name on PATH or a path');
    return ok(raw.includes('/') ? path.resolve(base, raw) : raw);
  },
};

export const yesNo: Kind<boolean> = {
  name: 'on|off',
  parse: (raw) => {
    if (raw === true || /^(on|true|yes|1)$/i.test(String(raw))) return ok(true);
    if (raw === false || /^(off|false|no|0)$/i.test(String(raw))) return ok(false);
    return no('neither on nor off', '`on` or `off`');
  },
};

/** Whether parts of runs are compressed; the address of an archive says that they are, and where runs are copied. */
export const archivePlace: Kind<boolean | string> = {
  name: 'on|off|place',
  parse: (raw, base) => {
    const word = yesNo.parse(raw, base);
    if (word.ok) return word;
    const text = String(raw);
    // A word alone is more likely a mistake than a folder.
    if (typeof raw !== 'string' || (!isArchiveUrl(text) && !text.includes('/')))
      return no('neither on, off nor a place', '`on`, `off`, `s3://bucket/prefix` or a folder such as `./archive`');
    const parsed = parseLocation(text, base);
    return parsed.ok ? ok(locationText(parsed.value)) : no(parsed.problem.wrong, parsed.problem.write);
  },
};

/** Milliseconds. Days are for retention; the longest is what a number holds exactly, far past any use. */
export const duration: Kind<number> = {
  name: 'duration',
  parse: (raw) => {
    const ms = parseDuration(String(raw).trim());
    return ms === undefined ? no('not a duration', 'a duration such as `10s`, `5m`, `2h30m` or `30d`') : ok(ms);
  },
};

/** A duration that a timer can wait for. */
export const wait: Kind<number> = {
  name: 'duration',
  parse: (raw, base) => {
    const parsed = duration.parse(raw, base);
    if (!parsed.ok || parsed.value <= maxDurationMs) return parsed;
    return no('longer than a timer can wait', 'at most `24d`');
  },
};

/** Bytes; units are powers of 1024, as `du -h` and most tools for disks have them. */
export const size: Kind<number> = {
  name: 'size',
  parse: (raw) => {
    const bytes = parseBytes(String(raw));
    return bytes === undefined ? no('not a size', 'a size such as `500MiB`, `10GiB` or a number of bytes') : ok(bytes);
  },
};

export const port: Kind<number> = whole('port', 0, 65_535);
export const concurrency: Kind<number> = whole('number', 1, maxConcurrency);

function whole(name: string, min: number, max: number): Kind<number> {
  return {
    name,
    parse: (raw) => {
      const fits = /^\d+$/.test(String(raw)) && Number(raw) >= min && Number(raw) <= max;
      return fits ? ok(Number(raw)) : no(`not a whole number from ${min} to ${max}`, `a number from ${min} to ${max}`);
    },
  };
}

/** Keys of labels, as a list or with commas between them. */
export const labelKeys: Kind<readonly string[]> = {
  name: 'key,…',
  parse: (raw) => {
    const parts: readonly unknown[] = Array.isArray(raw) ? raw : String(raw).split(',');
    const keys = [...new Set(parts.map((part) => String(part).trim()).filter((key) => key !== ''))];
    if (keys.length > maxMetricLabels)
      return no('too many labels', `at most ${maxMetricLabels}, since each multiplies the number of series`);
    return keys.every((key) => labelKeyPattern.test(key))
      ? ok(keys)
      : no('no list of keys', `keys such as \`team,service\`; ${labelKeyRule}`);
  },
};

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    name: words.join('|'),
    parse: (raw) => {
      const word = words.find((candidate) => candidate === raw);
      return word === undefined ? no('not a known word', words.map((known) => `\`${known}\``).join(', ')) : ok(word);
    },
  };
}

/** The address of a web page or server. With `{runId}` and the like in it, it is a template and still an address. */
export const url: Kind<string> = {
  name: 'url',
  parse: (raw) => {
    const address = typeof raw === 'string' ? URL.parse(raw.replaceAll(/[{}]/g, '')) : null;
    if (address === null || !/^https?:$/.test(address.protocol))
      return no('not an http address', 'an address such as `https://grafana.example.com`');
    return ok(String(raw));
  },
};

/** An address that is a secret, or holds one: no message shows it. */
export const secretUrl: Kind<string> = { ...url, isSecret: true };

/** When journal bytes are made to be on the disk: group sync every so often, at every append, or left to the system. */
export const durability: Kind<Durability> = {
  name: 'duration|none|always',
  parse: (raw, base) => {
    if (raw === 'none' || raw === 'always') return ok(raw);
    const every = wait.parse(raw, base);
    return every.ok && every.value > 0
      ? ok({ everyMs: every.value })
      : no('no durability', '`none`, `always` or a duration such as `100ms`');
  },
};

/** Headers of HTTP requests, `name=value,name=value`, values percent-encoded where they hold a comma, as OTEL_*_HEADERS. */
export const headers: Kind<Readonly<Record<string, string>>> = {
  name: 'name=value,…',
  isSecret: true,
  parse: (raw) => {
    const found: Record<string, string> = {};
    for (const pair of String(raw).split(',')) {
      const at = pair.indexOf('=');
      const name = pair.slice(0, at).trim().toLowerCase();
      const value = percentDecoded(pair.slice(at + 1).trim());
      if (
        at < 1 ||
        !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) ||
        value === undefined ||
        !/^[\t\x20-\x7e]*$/.test(value)
      ) {
        return no('no list of headers', 'for example `Authorization=Bearer%20abc,X-Scope-OrgID=team`');
      }
      found[name] = value;
    }
    return ok(found);
  },
};

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
