// What the toolbars of several views are made of: a row of buttons that are on or off, a choice of several, a field to search in.
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './parts.tsx';

/** @param props.name read before the choices by a screen reader */
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

/** @param props.children is shown at the end of the field: what it found, or the key that leads to it */
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

/**
 * A choice of several: a button that says what is chosen, and below it a list of boxes. Made of what browsers have, so that it is
 * reached and used with the keyboard: Tab, Enter or Space to open, Space to choose, Escape to close.
 */
export function MultiSelect<T extends string>(props: {
  /** Read before the choice by a screen reader. */
  label: string;
  /** Shown while nothing is chosen, which means all. */
  all: string;
  options: readonly { readonly value: T; readonly name: string }[];
  chosen: readonly T[];
  onChange: (chosen: readonly T[]) => void;
}) {
  const { options, chosen } = props;
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const onPointer = (event: Event): void => {
      if (event.target instanceof Node && !menu.current?.contains(event.target)) menu.current?.removeAttribute('open');
    };
    addEventListener('pointerdown', onPointer);
    return () => removeEventListener('pointerdown', onPointer);
  }, []);
  const toggle = (value: T): void =>
    props.onChange(options.map((option) => option.value).filter((one) => chosen.includes(one) !== (one === value)));
  const names = options.filter((option) => chosen.includes(option.value)).map((option) => option.name);
  return (
    <details
      ref={menu}
      class="menu"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || menu.current?.open !== true) return;
        event.stopPropagation();
        menu.current.open = false;
        menu.current.querySelector('summary')?.focus();
      }}
      onFocusOut={(event) => {
        if (event.relatedTarget instanceof Node && !menu.current?.contains(event.relatedTarget))
          menu.current?.removeAttribute('open');
      }}
    >
      <summary class={`button ${names.length > 0 ? 'set' : ''}`} title={names.join(', ')}>
        <span class="sr-only">{props.label}: </span>
        <span class="clip">{names.length === 0 ? props.all : names.join(', ')}</span>
      </summary>
      <div class="menu-list" role="group" aria-label={props.label}>
        {options.map((option) => (
          <label key={option.value}>
            <input type="checkbox" checked={chosen.includes(option.value)} onChange={() => toggle(option.value)} />
            <span class="clip">{option.name}</span>
          </label>
        ))}
        <button type="button" class="quiet" disabled={chosen.length === 0} onClick={() => props.onChange([])}>
          {props.all}
        </button>
      </div>
    </details>
  );
}
