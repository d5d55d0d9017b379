import type { Labels } from '../api';
import { splitSeries } from '../lib/series';

export function SeriesLabel({ labels }: { labels: Labels }) {
  const { metric, pairs } = splitSeries(labels);
  return (
    <span class="series">
      <span class="metric">{metric}</span>
      {(pairs.length > 0 || metric === '') && '{'}
      {pairs.map(({ name, value }, i) => (
        <span key={name}>
          {i > 0 && ', '}
          <span class="name">{name}</span>
          {value !== '' && '='}
          <span class="value">{value}</span>
        </span>
      ))}
      {(pairs.length > 0 || metric === '') && '}'}
    </span>
  );
}
