// Colours of series: distinct neighbours, readable on a light and on a dark ground.

const hues = [
  '#0d9488', '#d9742b', '#5b7fde', '#c2447d', '#8a9a1f', '#8b5fd0',
  '#2f9e54', '#cf4a43', '#2d93c4', '#b8862a', '#a0558f', '#5f8f86',
];

/** Beyond the list, evenly spread hues by the golden angle. */
export function seriesColor(index: number): string {
  return hues[index] ?? `hsl(${Math.round(index * 137.508) % 360} 55% ${48 + (index % 3) * 7}%)`;
}
