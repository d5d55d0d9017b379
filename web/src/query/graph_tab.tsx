// A range result as lines, with a legend that chooses among them.

import { useMemo, useState } from 'preact/hooks';
import type { MatrixItem, QueryData, Window } from '../api';
import { Alert } from '../components/alert';
import { SeriesLabel } from '../components/series_label';
import { toColumns } from '../lib/matrix';
import { formatCount } from '../lib/number';
import { seriesColor } from '../lib/palette';
import { formatSeries } from '../lib/series';
import { Chart, type Line } from './chart';

// Beyond this a graph shows nothing but its colours; more lines are drawn on demand.
const firstLines = 200;

interface Props {
  data: QueryData;
  window: Window;
  onZoom: (startMs: number, endMs: number) => void;
}

function Legend(props: { series: readonly MatrixItem[]; chosen: ReadonlySet<number>; onChoose: (chosen: ReadonlySet<number>) => void }) {
  const { series, chosen } = props;
  const choose = (index: number, toggle: boolean) => {
    if (toggle) {
      const next = new Set(chosen.size === 0 ? series.keys() : chosen);
      if (!next.delete(index)) next.add(index);
      props.onChoose(next.size === series.length ? new Set() : next);
    } else {
      props.onChoose(chosen.size === 1 && chosen.has(index) ? new Set() : new Set([index]));
    }
  };
  return (
    <ul class="legend" title="Click: show this one alone, or all. Ctrl+click: add or remove it.">
      {series.map((item, i) => (
        <li key={formatSeries(item.metric)}>
          <button
            type="button"
            aria-pressed={chosen.size === 0 || chosen.has(i)}
            onClick={(event) => choose(i, event.ctrlKey || event.metaKey)}
          >
            <span class="swatch" style={{ background: seriesColor(i) }} />
            <SeriesLabel labels={item.metric} />
          </button>
        </li>
      ))}
    </ul>
  );
}

export function GraphTab({ data, window, onZoom }: Props) {
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const series = data.resultType === 'matrix' ? data.result : [];
  const drawn = useMemo(() => (all ? series : series.slice(0, firstLines)), [series, all]);
  const columns = useMemo(() => toColumns(drawn, window), [drawn, window]);
  const lines: Line[] = useMemo(
    () => drawn.map((item, i) => ({ name: formatSeries(item.metric), color: seriesColor(i) })),
    [drawn],
  );
  const hidden = useMemo(() => lines.map((_, i) => chosen.size > 0 && !chosen.has(i)), [lines, chosen]);
  if (series.length === 0) return <p class="empty">The result is empty.</p>;
  const histograms = series.filter((item) => (item.values ?? []).length === 0).length;
  return (
    <>
      {histograms > 0 && (
        <Alert kind="info">{formatCount(histograms, 'series')} of native histograms: their values are in the table only.</Alert>
      )}
      <Chart columns={columns} lines={lines} hidden={hidden} window={window} onZoom={onZoom} />
      <Legend series={drawn} chosen={chosen} onChoose={setChosen} />
      {drawn.length < series.length && (
        <button type="button" class="quiet" onClick={() => setAll(true)}>
          Draw all {formatCount(series.length, 'series')}
        </button>
      )}
    </>
  );
}
