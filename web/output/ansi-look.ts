// The look of output outside of the terminal: what SGR parameters ask for, as classes of styles/ansi.css. The page has eight tones
// that can be read on each of its grounds; a colour of the 256, or of RGB, is shown in the nearest one. Pure.

/** In the order of the colours 0 to 7 of a terminal. Text in black or white is in the colour of the page's text. */
const tones = ['', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', ''] as const;

/** Round the circle of hues, 60 degrees each. */
const hues = ['red', 'yellow', 'green', 'cyan', 'blue', 'magenta'] as const;

type Tone = (typeof tones)[number] | 'grey';

/** @param sgr parameters in force, such as `1;31` */
export function lookOfSgr(sgr: string): string {
  if (sgr === '') return '';
  const codes = sgr.split(/[;:]/).map(Number);
  const classes = new Set<string>();
  let text: Tone = '';
  let ground: Tone | undefined;
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    const style = styles.get(code);
    if (code === 38 || code === 48) {
      const { tone, used } = readExtended(codes.slice(at + 1));
      if (code === 38) text = tone;
      else ground = tone;
      at += used;
    } else if (code >= 30 && code <= 37) text = tones[code - 30] ?? '';
    else if (code >= 90 && code <= 97) text = code === 90 ? 'grey' : (tones[code - 90] ?? '');
    else if (code >= 40 && code <= 47) ground = tones[code - 40] ?? '';
    else if (code >= 100 && code <= 107) ground = tones[code - 100] ?? '';
    else if (style !== undefined) classes.add(style);
  }
  // A ground is shown as a frame in its colour: text in two colours that a program chose may be hard to read on the page.
  if (ground !== undefined) classes.add('a-framed');
  const tone = ground === undefined || ground === '' ? text : ground;
  if (tone !== '') classes.add(`a-${tone}`);
  return [...classes].join(' ');
}

const styles: ReadonlyMap<number, string> = new Map([
  [1, 'a-bold'],
  [2, 'a-grey'],
  [3, 'a-italic'],
  [4, 'a-underlined'],
  [7, 'a-framed'],
  [9, 'a-struck'],
]);

/** @param codes behind 38 or 48 @returns how many of them belong to the colour */
function readExtended([kind, ...codes]: readonly number[]): { readonly tone: Tone; readonly used: number } {
  const [first = 0, second = 0, third = 0] = codes;
  if (kind === 2) return { tone: toneOfRgb(first, second, third), used: 4 };
  if (kind === 5) return { tone: toneOf256(first), used: 2 };
  return { tone: '', used: 0 };
}

function toneOf256(index: number): Tone {
  if (index < 16) return index === 8 ? 'grey' : (tones[index % 8] ?? '');
  if (index >= 232) return index < 248 ? 'grey' : '';
  const cube = index - 16;
  const [red = 0, green = 0, blue = 0] = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(
    (level) => level * 51,
  );
  return toneOfRgb(red, green, blue);
}

/** Below this difference between its strongest and its weakest part a colour is seen as grey. */
const leastChroma = 48;
const darkest = 200;

function toneOfRgb(red: number, green: number, blue: number): Tone {
  const most = Math.max(red, green, blue);
  const chroma = most - Math.min(red, green, blue);
  if (chroma < leastChroma) return most < darkest && most > 0 ? 'grey' : '';
  const sixth =
    most === red ? (green - blue) / chroma : most === green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma;
  return hues[(Math.round(sixth) + 6) % 6] ?? '';
}
