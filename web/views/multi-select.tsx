// A choice of several: a button that says what is chosen, and below it a list of boxes. Made of what browsers have, so that
// it is reached and used with the keyboard: Tab, Enter or Space to open, Space to choose, Escape to close.
import { useEffect, useRef } from 'preact/hooks';

export function MultiSelect<T extends string>(props: {
  /** What is chosen among, for who does not see it. */
  label: string;
  /** Said while nothing is chosen, which means all. */
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
