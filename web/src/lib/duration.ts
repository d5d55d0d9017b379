// Prometheus durations: 1d2h30m, in milliseconds.

const units: [string, number][] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

const pattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Null for what is not a duration. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  const match = pattern.exec(trimmed);
  if (trimmed === '' || match === null) return null;
  let total = 0;
  units.forEach(([, factor], i) => {
    total += Number(match[i + 1] ?? 0) * factor;
  });
  return Number.isSafeInteger(total) ? total : null;
}

export function formatDuration(milliseconds: number): string {
  let rest = Math.round(milliseconds);
  if (rest <= 0) return '0s';
  let out = '';
  for (const [unit, factor] of units) {
    // Years and weeks only when nothing is left over: 8d reads better than 1w1d.
    if ((unit === 'y' || unit === 'w') && rest % factor !== 0) continue;
    const count = Math.floor(rest / factor);
    if (count > 0) out += `${count}${unit}`;
    rest -= count * factor;
  }
  return out;
}

const steps = ['1s', '10s', '1m', '5m', '15m', '30m', '1h', '2h', '6h', '12h', '1d', '2d', '1w', '2w', '4w', '8w', '1y', '2y']
  .map((text) => parseDuration(text) as number);

/** The next range of the −/+ buttons. */
export function longerRange(range: number): number {
  return steps.find((step) => step > range) ?? range;
}
export function shorterRange(range: number): number {
  return steps.findLast((step) => step < range) ?? range;
}
