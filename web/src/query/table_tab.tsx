// A result as rows: the series and its value, histograms and range vectors in full.

import { useState } from 'preact/hooks';
import type { Histogram, Labels, QueryData, Sample } from '../api';
import { SeriesLabel } from '../components/series_label';
import { formatCount } from '../lib/number';
import { formatTime, utc } from '../lib/time';

// A browser copes with this many rows; more are shown on demand.
const firstRows = 1000;

function HistogramValue({ histogram }: { histogram: Histogram }) {
  const open = ['(', '[', '(', '['];
  const close = [']', ')', ')', ']'];
  return (
    <details class="histogram">
      <summary>
        count {histogram.count}, sum {histogram.sum}
      </summary>
      {(histogram.buckets ?? []).map(([rule, lower, upper, count]) => (
        <div key={`${lower} ${upper}`}>
          {open[rule]}
          {lower}, {upper}
          {close[rule]} {count}
        </div>
      ))}
    </details>
  );
}

function History({ samples }: { samples: readonly Sample[] }) {
  return (
    <div class="history">
      {samples.map(([time, value]) => (
        <div key={time}>
          {value} <span class="at">@ {formatTime(time * 1000, utc.value)}</span>
        </div>
      ))}
    </div>
  );
}

interface Row {
  labels: Labels | null;
  value: preact.ComponentChild;
}

function rowsOf(data: QueryData): Row[] {
  switch (data.resultType) {
    case 'vector':
      return data.result.map(({ metric, value, histogram }) => ({
        labels: metric,
        value: histogram !== undefined ? <HistogramValue histogram={histogram[1]} /> : (value?.[1] ?? ''),
      }));
    case 'matrix':
      return data.result.map(({ metric, values, histograms }) => ({
        labels: metric,
        value: (
          <>
            <History samples={values ?? []} />
            {(histograms ?? []).map(([time, histogram]) => (
              <HistogramValue key={time} histogram={histogram} />
            ))}
          </>
        ),
      }));
    case 'scalar':
    case 'string':
      return [{ labels: null, value: data.result[1] }];
  }
}

export function TableTab({ data }: { data: QueryData }) {
  const [all, setAll] = useState(false);
  const rows = rowsOf(data);
  if (rows.length === 0) return <p class="empty">The result is empty.</p>;
  const shown = all ? rows : rows.slice(0, firstRows);
  return (
    <>
      <table class="result">
        <thead>
          <tr>
            <th>{data.resultType === 'scalar' || data.resultType === 'string' ? 'Type' : 'Series'}</th>
            <th class="number">Value</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <tr key={i}>
              <td>{row.labels === null ? data.resultType : <SeriesLabel labels={row.labels} />}</td>
              <td class="number">{row.value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <button type="button" class="quiet" onClick={() => setAll(true)}>
          Show all {formatCount(rows.length, 'row')}
        </button>
      )}
    </>
  );
}
