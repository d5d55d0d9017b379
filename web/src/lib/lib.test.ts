import { describe, expect, it } from 'vitest';
import { formatDuration, longerRange, parseDuration, shorterRange } from './duration';
import { toColumns } from './matrix';
import { drawable, formatCount, formatMilliseconds, formatSi, formatTicks } from './number';
import { seriesColor } from './palette';
import { formatSeries } from './series';
import { formatTime, parseTime } from './time';

describe('durations', () => {
  it.each([
    ['1h', 3_600_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['2w', 14 * 86_400_000],
    ['90s', 90_000],
    ['0s', 0],
  ])('reads %s', (text, want) => expect(parseDuration(text)).toBe(want));
  it.each(['', 'h', '1', '1x', '1m1h', '-1h', '1.5h', '99999999999999y'])('refuses "%s"', (text) =>
    expect(parseDuration(text)).toBeNull());
  it.each([
    [3_600_000, '1h'],
    [90_000, '1m30s'],
    [8 * 86_400_000, '8d'],
    [7 * 86_400_000, '1w'],
    [1_005, '1s5ms'],
    [0, '0s'],
  ])('prints %d', (ms, want) => expect(formatDuration(ms)).toBe(want));
  it('steps through ranges', () => {
    expect(longerRange(3_600_000)).toBe(7_200_000);
    expect(shorterRange(3_600_000)).toBe(1_800_000);
    expect(longerRange(100_000)).toBe(300_000);
    expect(shorterRange(1_000)).toBe(1_000);
    expect(longerRange(2 * 365 * 86_400_000)).toBe(2 * 365 * 86_400_000);
  });
});

describe('numbers', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [999, '999'],
    [1000, '1k'],
    [-1500, '-1.5k'],
    [1e6, '1M'],
    [123_456_789, '123.46M'],
    [0.5, '0.5'],
    [0.01, '0.01'],
    [0.001, '1m'],
    [0.0025, '2.5m'],
    [1e-6, '1µ'],
    [1e30, '1.00e+30'],
  ])('%d is %s', (value, want) => expect(formatSi(value)).toBe(want));
  it('keeps ticks apart', () => {
    expect(formatTicks([1_000_000, 2_000_000])).toEqual(['1M', '2M']);
    expect(formatTicks([0, 0.0025, 0.0075, 0.01])).toEqual(['0', '0.0025', '0.0075', '0.01']);
    expect(formatTicks([0.0025, 0.005])).toEqual(['2.5m', '5m']);
    expect(formatTicks([1_000_000, 1_000_001])).toEqual(['1000000', '1000001']);
  });
  it('counts and times', () => {
    expect(formatCount(1, 'series')).toBe('1 series');
    expect(formatCount(1234, 'row')).toBe('1,234 rows');
    expect(formatMilliseconds(12.4)).toBe('12 ms');
    expect(formatMilliseconds(2345)).toBe('2.35 s');
  });
  it('draws finite values only', () => {
    expect(drawable('1.5')).toBe(1.5);
    expect(drawable('NaN')).toBeNull();
    expect(drawable('+Inf')).toBeNull();
  });
});

describe('series', () => {
  it.each([
    [{}, '{}'],
    [{ __name__: 'up' }, 'up'],
    [{ __name__: 'up', job: 'a', instance: 'x:1' }, 'up{instance="x:1", job="a"}'],
    [{ job: 'a"b\\c\nd' }, '{job="a\\"b\\\\c\\nd"}'],
    [{ __name__: 'a.b', 'c.d': 'e' }, '{"a.b", "c.d"="e"}'],
  ])('%j', (labels, want) => expect(formatSeries(labels as Record<string, string>)).toBe(want));
  it('has a colour for any index', () => {
    expect(new Set(Array.from({ length: 40 }, (_, i) => seriesColor(i))).size).toBe(40);
  });
});

describe('times', () => {
  it('prints and reads in UTC', () => {
    expect(formatTime(1_700_000_000_000, true)).toBe('2023-11-14 22:13:20');
    expect(parseTime('2023-11-14 22:13:20', true)).toBe(1_700_000_000_000);
    expect(parseTime('2023-11-14T22:13', true)).toBe(1_699_999_980_000);
  });
  it('is its own opposite in local time', () => {
    expect(parseTime(formatTime(1_700_000_000_000, false), false)).toBe(1_700_000_000_000);
  });
  it.each(['', 'yesterday', '2023-11-14', '22:13'])('refuses "%s"', (text) =>
    expect(parseTime(text, true)).toBeNull());
});

describe('columns', () => {
  it('keeps gaps and leaves out what cannot be drawn', () => {
    const columns = toColumns(
      [
        { metric: {}, values: [[10, '1'], [30, '3']] },
        { metric: {}, values: [[20, 'NaN'], [50, '5']] },
        { metric: {}, histograms: [] },
      ],
      { startMs: 10_000, endMs: 39_000, stepMs: 10_000 },
    );
    expect(columns.times).toEqual([10, 20, 30]);
    expect(columns.values).toEqual([[1, null, 3], [null, null, null], [null, null, null]]);
  });
});
