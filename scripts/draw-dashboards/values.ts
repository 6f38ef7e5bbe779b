// How a value is written in a unit of Grafana, and the colours of Grafana's names, as far as the dashboards use them.

export function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

export function written(value: number, unit: string, decimals?: number): string {
  switch (unit) {
    case 's':
      return duration(value);
    case 'ms':
      return duration(value / 1000);
    case 'percentunit':
      return `${(value * 100).toFixed(decimals ?? 0)}%`;
    case 'currencyUSD':
      return `$${value.toFixed(decimals ?? 3)}`;
    case 'bytes':
      return value >= 1048576 ? `${(value / 1048576).toFixed(1)} MiB` : `${(value / 1024).toFixed(1)} KiB`;
    case 'dateTimeFromNow':
      return `${Math.round((Date.now() - value) / 1000)} seconds ago`;
    default:
      return Number.isInteger(value) ? String(value) : value.toFixed(decimals ?? 2);
  }
}

function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `${seconds.toFixed(2)} s` : `${(seconds / 60).toFixed(1)} min`;
}

const palette = ['#73bf69', '#f2cc0c', '#8ab8ff', '#ff780a', '#f2495c', '#5794f2', '#b877d9', '#705da0', '#37872d'];

const named: Readonly<Record<string, string>> = {
  green: '#73bf69',
  red: '#f2495c',
  'dark-red': '#c4162a',
  orange: '#ff9830',
  'semi-dark-orange': '#a0561f',
  purple: '#b877d9',
  blue: '#5794f2',
  'semi-dark-blue': '#2b558f',
  yellow: '#fade2a',
  text: '#9fa0ad',
};

export function colour(name: string): string {
  return named[name] ?? name;
}

export function paletteColour(index: number): string {
  return palette[index % palette.length] ?? '#ccc';
}
