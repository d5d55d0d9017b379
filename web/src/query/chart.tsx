// uPlot in a component: lines, a tooltip at the nearest one, selecting a range zooms.

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Window } from '../api';
import type { Columns } from '../lib/matrix';
import { formatTicks } from '../lib/number';
import { formatTime, utc } from '../lib/time';

export interface Line {
  name: string;
  color: string;
}

interface Props {
  columns: Columns;
  lines: readonly Line[];
  hidden: readonly boolean[];
  window: Window;
  onZoom: (startMs: number, endMs: number) => void;
}

interface Hover {
  left: number;
  top: number;
  onRight: boolean;
  time: number;
  value: number;
  line: Line;
}

const height = 380;

function axisStyle() {
  const style = getComputedStyle(document.documentElement);
  const font = `12px ${style.getPropertyValue('--font')}`;
  const grid = { stroke: style.getPropertyValue('--grid'), width: 1 };
  return { font, stroke: style.getPropertyValue('--text-muted'), grid, ticks: { ...grid, size: 4 } };
}

/** The line whose point is nearest to the cursor at its index. */
function nearest(plot: uPlot, lines: readonly Line[]): Hover | null {
  const { left = -1, top = -1, idx } = plot.cursor;
  if (left < 0 || top < 0 || idx === null || idx === undefined) return null;
  let best: { series: number; value: number; distance: number } | null = null;
  for (let series = 1; series < plot.series.length; ++series) {
    const value = plot.data[series]?.[idx];
    if (value === null || value === undefined || plot.series[series]?.show === false) continue;
    const distance = Math.abs(plot.valToPos(value, 'y') - top);
    if (best === null || distance < best.distance) best = { series, value, distance };
  }
  const time = plot.data[0][idx];
  const line = best === null ? undefined : lines[best.series - 1];
  if (best === null || line === undefined || time === undefined) return null;
  const x = plot.valToPos(time, 'x');
  return {
    left: plot.over.offsetLeft + x,
    top: plot.over.offsetTop + plot.valToPos(best.value, 'y'),
    onRight: x > plot.over.clientWidth / 2,
    time,
    value: best.value,
    line,
  };
}

function useColorScheme(): boolean {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const listener = () => setDark(query.matches);
    query.addEventListener('change', listener);
    return () => query.removeEventListener('change', listener);
  }, []);
  return dark;
}

export function Chart({ columns, lines, hidden, window, onZoom }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const [hover, setHover] = useState<Hover | null>(null);
  const dark = useColorScheme();
  const inUtc = utc.value;

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const style = axisStyle();
    const sparse = columns.times.length < 60;
    const options: uPlot.Options = {
      width: element.clientWidth,
      height,
      legend: { show: false },
      tzDate: (seconds) =>
        inUtc ? uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') : new Date(seconds * 1000),
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
        y: false,
      },
      scales: {
        x: { min: window.startMs / 1000, max: window.endMs / 1000 },
        y: {
          // A constant line gets room above and below.
          range: (_, min, max) => {
            if (min === null || max === null) return [0, 1];
            if (min === max) return [min - Math.max(Math.abs(min) * 0.1, 0.5), max + Math.max(Math.abs(max) * 0.1, 0.5)];
            return uPlot.rangeNum(min, max, 0.08, true);
          },
        },
      },
      axes: [
        { ...style, space: 80, values: [
          [31536000, '{YYYY}', null, null, null, null, null, null, 1],
          [86400 * 28, '{MMM} {YYYY}', null, null, null, null, null, null, 1],
          [86400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
          [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{YYYY}-{MM}-{DD}', null, null, null, 1],
          [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, '\n{YYYY}-{MM}-{DD}', null, null, null, 1],
          [0.001, '{ss}.{fff}', null, null, null, null, null, null, 1],
        ] },
        { ...style, size: 64, values: (_, ticks) => formatTicks(ticks) },
      ],
      series: [
        {},
        ...lines.map((line, i) => ({
          label: line.name,
          stroke: line.color,
          width: 1.75,
          show: hidden[i] !== true,
          spanGaps: false,
          points: { show: sparse ? true : undefined, size: 4, fill: line.color },
        })),
      ],
      hooks: {
        setCursor: [(self) => setHover(nearest(self, lines))],
        setSelect: [
          (self) => {
            if (self.select.width < 5) return;
            const start = self.posToVal(self.select.left, 'x') * 1000;
            const end = self.posToVal(self.select.left + self.select.width, 'x') * 1000;
            zoom.current(start, end);
          },
        ],
      },
    };
    const made = new uPlot(options, [columns.times, ...columns.values], element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
      setHover(null);
    };
  }, [columns, lines, window, inUtc, dark]);

  useEffect(() => {
    const made = plot.current;
    if (made === null) return;
    made.batch(() => hidden.forEach((value, i) => made.setSeries(i + 1, { show: !value }, false)));
    made.redraw();
  }, [hidden]);

  return (
    <div class="chart" ref={box} style={{ minHeight: `${height}px` }}>
      {hover !== null && (
        <div class={hover.onRight ? 'tooltip right' : 'tooltip'} style={{ left: `${hover.left}px`, top: `${hover.top}px` }}>
          <div class="at">{formatTime(hover.time * 1000, inUtc)}</div>
          <div class="reading">
            <span class="swatch" style={{ background: hover.line.color }} />
            <strong>{String(hover.value)}</strong>
          </div>
          <div class="name">{hover.line.name}</div>
        </div>
      )}
    </div>
  );
}
