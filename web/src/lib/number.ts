// Numbers for people: axis ticks and counts.

const large = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
const small = ['', 'm', 'µ', 'n', 'p', 'f', 'a', 'z', 'y'];

function trim(value: number): string {
  return String(Number(value.toPrecision(5)));
}

/** 1500 → "1.5k", 0.002 → "2m"; beyond the prefixes in exponent form. */
export function formatSi(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude === 0) return '0';
  if (magnitude >= 1e27 || magnitude < 1e-24) return value.toExponential(2);
  if (magnitude >= 1000) {
    const power = Math.floor(Math.log10(magnitude) / 3 + 1e-12);
    return trim(value / 1000 ** power) + large[power];
  }
  if (magnitude >= 0.01) return trim(value);
  const power = Math.ceil(-Math.log10(magnitude) / 3 - 1e-12);
  return trim(value * 1000 ** power) + small[power];
}

/**
 * Axis labels. Beside ticks that have no prefix, small ones have none either: 0.0075, 0.01 and not 7.5m,
 * 0.01. Ticks too close for five digits fall back to all of them.
 */
export function formatTicks(values: readonly number[]): string[] {
  const plain = values.some((value) => Math.abs(value) >= 0.01);
  const small = (value: number) => Math.abs(value) < 0.01 && Math.abs(value) >= 1e-6;
  const labels = values.map((value) => (plain && small(value) ? trim(value) : formatSi(value)));
  return new Set(labels).size === labels.length ? labels : values.map(String);
}

export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 || noun.endsWith('s') ? '' : 's'}`;
}

export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A sample's text as a number to draw; null where there is nothing to draw. */
export function drawable(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
