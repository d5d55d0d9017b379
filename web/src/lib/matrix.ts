// A range result as columns: one list of times, one list of values for each series.

import type { MatrixItem, Window } from '../api';
import { drawable } from './number';

export interface Columns {
  /** Unix seconds */
  times: number[];
  values: (number | null)[][];
}

/** Steps without a sample become gaps, so that lines break where the data does. */
export function toColumns(series: readonly MatrixItem[], { startMs, endMs, stepMs }: Window): Columns {
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  const times = Array.from({ length: count }, (_, i) => (startMs + i * stepMs) / 1000);
  const values = series.map((item) => {
    const column = new Array<number | null>(count).fill(null);
    for (const [time, text] of item.values ?? []) {
      const index = Math.round((time * 1000 - startMs) / stepMs);
      if (index >= 0 && index < count) column[index] = drawable(text);
    }
    return column;
  });
  return { times, values };
}
