// The flag `--label KEY=VALUE`, which may be given more than once: of a command that starts a run, and of one that lists runs.
import { InvalidArgumentError, Option } from 'commander';
import { type Labels, parseLabel } from '../core/labels.ts';

export function labelOption(description: string): Option {
  return new Option('--label <key=value>', `${description}; may be given more than once`).argParser(parseLabelFlag);
}

/** @param before the labels of the flags before */
function parseLabelFlag(text: string, before: Labels = {}): Labels {
  const label = parseLabel(text);
  if (!label.ok) throw new InvalidArgumentError(`${sentence(label.message)} ${sentence(label.fix)}`);
  if (Object.hasOwn(before, label.key)) throw new InvalidArgumentError(`The label ${label.key} is given twice.`);
  return { ...before, [label.key]: label.value };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
