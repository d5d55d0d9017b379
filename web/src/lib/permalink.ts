// The state of the query page in its URL, as links of rules, dashboards and bookmarks have it:
// g0.expr=up&g0.tab=graph&g0.range_input=1h … one number for each panel.

import { formatDuration, parseDuration } from './duration';
import { formatTime, parseTime } from './time';

export type Tab = 'table' | 'graph';
export type Resolution =
  | { type: 'auto'; density: 'low' | 'medium' | 'high' }
  | { type: 'fixed' | 'custom'; stepMs: number };

export interface PanelState {
  expr: string;
  tab: Tab;
  rangeMs: number;
  /** null: now */
  endMs: number | null;
  resolution: Resolution;
  /** parameters of the panel that this page does not use, kept for others */
  rest: [string, string][];
}

export function newPanel(): PanelState {
  return {
    expr: '',
    tab: 'table',
    rangeMs: 3_600_000,
    endMs: null,
    resolution: { type: 'auto', density: 'medium' },
    rest: [],
  };
}

// Points across the graph for each density.
const points = { low: 100, medium: 250, high: 750 };

export function effectiveStep(resolution: Resolution, rangeMs: number): number {
  if (resolution.type !== 'auto') return resolution.stepMs;
  return Math.max(Math.floor(rangeMs / points[resolution.density] / 1000) * 1000, 1000);
}

function parseStep(text: string): number | null {
  const seconds = Number(text);
  if (text !== '' && Number.isFinite(seconds)) return seconds > 0 ? seconds * 1000 : null;
  const duration = parseDuration(text);
  return duration !== null && duration > 0 ? duration : null;
}

function apply(panel: PanelState, key: string, value: string) {
  switch (key) {
    case 'expr':
      panel.expr = value;
      return;
    case 'tab':
      // Numbers are those of older versions.
      panel.tab = value === 'graph' || value === '0' ? 'graph' : 'table';
      return;
    case 'range_input': {
      const range = parseDuration(value);
      if (range !== null && range > 0) panel.rangeMs = range;
      return;
    }
    case 'end_input':
    case 'moment_input':
      panel.endMs = parseTime(value, true) ?? panel.endMs;
      return;
    case 'step_input': {
      const stepMs = parseStep(value);
      if (stepMs !== null) panel.resolution = { type: 'custom', stepMs };
      return;
    }
    case 'res_type':
      if (value === 'auto') panel.resolution = { type: 'auto', density: 'medium' };
      if (value === 'fixed' || value === 'custom') panel.resolution = { type: value, stepMs: 10_000 };
      return;
    case 'res_density':
      if (value === 'low' || value === 'medium' || value === 'high') {
        panel.resolution = { type: 'auto', density: value };
      }
      return;
    case 'res_step': {
      const stepMs = parseStep(value);
      if (stepMs !== null && panel.resolution.type !== 'auto') panel.resolution.stepMs = stepMs;
      return;
    }
    default:
      panel.rest.push([key, value]);
  }
}

export function decodePanels(search: string): PanelState[] {
  const panels = new Map<number, PanelState>();
  for (const [name, value] of new URLSearchParams(search)) {
    const match = /^g(\d{1,3})\.(.+)$/.exec(name);
    if (match === null) continue;
    const index = Number(match[1]);
    let panel = panels.get(index);
    if (panel === undefined) {
      panel = newPanel();
      panels.set(index, panel);
    }
    apply(panel, match[2] as string, value);
  }
  return [...panels.entries()].sort(([a], [b]) => a - b).map(([, panel]) => panel);
}

export function encodePanels(panels: readonly PanelState[]): string {
  const params = new URLSearchParams();
  panels.forEach((panel, i) => {
    const set = (key: string, value: string) => params.append(`g${i}.${key}`, value);
    set('expr', panel.expr);
    set('tab', panel.tab);
    if (panel.endMs !== null) {
      set('end_input', formatTime(panel.endMs, true));
      set('moment_input', formatTime(panel.endMs, true));
    }
    set('range_input', formatDuration(panel.rangeMs));
    set('res_type', panel.resolution.type);
    if (panel.resolution.type === 'auto') {
      set('res_density', panel.resolution.density);
    } else {
      set('res_step', String(panel.resolution.stepMs / 1000));
    }
    for (const [key, value] of panel.rest) set(key, value);
  });
  return params.toString();
}
