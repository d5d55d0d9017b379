// Label sets as PromQL writes them.

import type { Labels } from '../api';

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

export function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

export interface SeriesName {
  /** "" without a metric name, or with one that must stand inside the braces */
  metric: string;
  pairs: { name: string; value: string }[];
}

export function splitSeries(labels: Labels): SeriesName {
  const full = labels.__name__ ?? '';
  const metric = plainMetric.test(full) ? full : '';
  const pairs = Object.keys(labels)
    .filter((name) => name !== '__name__')
    .sort()
    .map((name) => ({ name: plainName.test(name) ? name : quote(name), value: quote(labels[name] ?? '') }));
  if (full !== '' && metric === '') pairs.unshift({ name: quote(full), value: '' });
  return { metric, pairs };
}

export function formatSeries(labels: Labels): string {
  const { metric, pairs } = splitSeries(labels);
  if (pairs.length === 0) return metric === '' ? '{}' : metric;
  return `${metric}{${pairs.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)).join(', ')}}`;
}
