// The query part of the HTTP API.

import { pathPrefix } from './settings';

export type Labels = Record<string, string>;
/** Unix seconds and the value as text, which keeps NaN, +Inf and every digit. */
export type Sample = [number, string];

export interface Histogram {
  count: string;
  sum: string;
  /** boundary rule, lower, upper, count */
  buckets?: [number, string, string, string][];
}
export type HistogramSample = [number, Histogram];

export interface VectorItem {
  metric: Labels;
  value?: Sample;
  histogram?: HistogramSample;
}
export interface MatrixItem {
  metric: Labels;
  values?: Sample[];
  histograms?: HistogramSample[];
}

export type QueryData =
  | { resultType: 'vector'; result: VectorItem[] }
  | { resultType: 'matrix'; result: MatrixItem[] }
  | { resultType: 'scalar' | 'string'; result: Sample };

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
  /** of the request as the browser saw it */
  milliseconds: number;
}

export class ApiError extends Error {}

// Longer expressions go in a body: URLs have limits in every proxy.
const maxGetLength = 1500;

async function call<T>(path: string, params: URLSearchParams, signal: AbortSignal): Promise<Answer<T>> {
  const started = performance.now();
  const query = params.toString();
  const url = `${pathPrefix}/api/v1/${path}`;
  let response: Response;
  try {
    response =
      query.length <= maxGetLength
        ? await fetch(`${url}?${query}`, { signal, cache: 'no-store' })
        : await fetch(url, { method: 'POST', body: params, signal, cache: 'no-store' });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError('The server cannot be reached.');
  }
  const text = await response.text();
  const milliseconds = performance.now() - started;
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    const reason = text.trim().slice(0, 300) || response.statusText;
    throw new ApiError(`The server answered ${response.status}: ${reason}`);
  }
  if (body.status !== 'success') throw new ApiError(`${body.errorType}: ${body.error}`);
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [], milliseconds };
}

export function queryInstant(expr: string, timeMs: number, signal: AbortSignal): Promise<Answer<QueryData>> {
  return call('query', new URLSearchParams({ query: expr, time: String(timeMs / 1000) }), signal);
}

export interface Window {
  startMs: number;
  endMs: number;
  stepMs: number;
}

export function queryRange(expr: string, window: Window, signal: AbortSignal): Promise<Answer<QueryData>> {
  const params = new URLSearchParams({
    query: expr,
    start: String(window.startMs / 1000),
    end: String(window.endMs / 1000),
    step: String(window.stepMs / 1000),
  });
  return call('query_range', params, signal);
}
