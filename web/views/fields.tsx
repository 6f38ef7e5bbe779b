// What the toolbars of several views are made of: a row of buttons that are on or off, and a field to search in.
import type { ComponentChildren, RefObject } from 'preact';
import { Icon } from './parts.tsx';

/** @param props.name said before the choices to who does not see that they belong together */
export function Toggles<T extends string>(props: {
  name: string;
  options: readonly { readonly value: T; readonly count?: number }[];
  isOn: (value: T) => boolean;
  onPick: (value: T) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={props.name}>
      {props.options.map(({ value, count }) => (
        <button key={value} type="button" aria-pressed={props.isOn(value)} onClick={() => props.onPick(value)}>
          {value} {count !== undefined && <span class="badge">{count}</span>}
        </button>
      ))}
    </div>
  );
}

/** @param props.children stands at the end of the field: what it found, or the key that leads to it */
export function SearchField(props: {
  field: RefObject<HTMLInputElement | null>;
  name: string;
  placeholder: string;
  value: string;
  onInput: (value: string) => void;
  onKeyDown?: (event: KeyboardEvent) => void;
  children: ComponentChildren;
}) {
  return (
    <label class="search-field">
      <Icon name="search" />
      <input
        ref={props.field}
        type="search"
        aria-label={props.name}
        placeholder={props.placeholder}
        spellcheck={false}
        value={props.value}
        onInput={(event) => props.onInput(event.currentTarget.value)}
        onKeyDown={(event) => props.onKeyDown?.(event)}
      />
      {props.children}
    </label>
  );
}
