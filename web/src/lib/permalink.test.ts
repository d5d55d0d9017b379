import { describe, expect, it } from 'vitest';
import { decodePanels, effectiveStep, encodePanels, newPanel, type PanelState } from './permalink';

const one = (search: string): PanelState => {
  const panels = decodePanels(search);
  expect(panels).toHaveLength(1);
  return panels[0] as PanelState;
};

describe('reading', () => {
  it('has no panel without parameters', () => {
    expect(decodePanels('')).toEqual([]);
    expect(decodePanels('?x=1&expr=up&g.expr=up')).toEqual([]);
  });
  it('understands the links of alerts', () => {
    const panel = one('?g0.expr=up+%3D%3D+0&g0.tab=1');
    expect(panel.expr).toBe('up == 0');
    expect(panel.tab).toBe('table');
    expect(panel.rangeMs).toBe(3_600_000);
  });
  it.each([
    ['graph', 'graph'],
    ['0', 'graph'],
    ['table', 'table'],
    ['1', 'table'],
    ['explain', 'table'],
  ])('tab %s', (text, want) => expect(one(`g0.tab=${text}`).tab).toBe(want));
  it('reads ranges, ends and steps', () => {
    const panel = one('g0.range_input=2d&g0.end_input=2023-11-14%2022:13:20&g0.step_input=30');
    expect(panel.rangeMs).toBe(2 * 86_400_000);
    expect(panel.endMs).toBe(1_700_000_000_000);
    expect(panel.resolution).toEqual({ type: 'custom', stepMs: 30_000 });
    expect(one('g0.moment_input=2023-11-14%2022:13:20').endMs).toBe(1_700_000_000_000);
  });
  it('reads resolutions', () => {
    expect(one('g0.res_type=auto&g0.res_density=high').resolution).toEqual({ type: 'auto', density: 'high' });
    expect(one('g0.res_type=fixed&g0.res_step=60').resolution).toEqual({ type: 'fixed', stepMs: 60_000 });
    expect(one('g0.res_type=custom&g0.res_step=5m').resolution).toEqual({ type: 'custom', stepMs: 300_000 });
  });
  it('ignores nonsense', () => {
    expect(one('g0.range_input=soon&g0.end_input=never&g0.step_input=-3&g0.res_step=x')).toEqual(newPanel());
  });
  it('orders panels by number', () => {
    expect(decodePanels('g10.expr=c&g2.expr=b&g0.expr=a').map((panel) => panel.expr)).toEqual(['a', 'b', 'c']);
  });
});

describe('writing', () => {
  it('round-trips', () => {
    const panels: PanelState[] = [
      { ...newPanel(), expr: 'rate(x{a="b c"}[5m]) + 1', tab: 'graph', endMs: 1_700_000_000_000 },
      { ...newPanel(), resolution: { type: 'custom', stepMs: 500 }, rest: [['display_mode', 'stacked']] },
    ];
    expect(decodePanels(encodePanels(panels))).toEqual(panels);
  });
  it('uses the names others use', () => {
    expect(encodePanels([{ ...newPanel(), expr: 'up' }])).toBe(
      'g0.expr=up&g0.tab=table&g0.range_input=1h&g0.res_type=auto&g0.res_density=medium',
    );
  });
});

describe('resolution', () => {
  it('follows the range', () => {
    expect(effectiveStep({ type: 'auto', density: 'medium' }, 3_600_000)).toBe(14_000);
    expect(effectiveStep({ type: 'auto', density: 'low' }, 3_600_000)).toBe(36_000);
    expect(effectiveStep({ type: 'auto', density: 'high' }, 60_000)).toBe(1_000);
    expect(effectiveStep({ type: 'fixed', stepMs: 7_000 }, 60_000)).toBe(7_000);
  });
});
