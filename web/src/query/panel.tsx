// One expression with its table and its graph.

import { useEffect, useState } from 'preact/hooks';
import { type Answer, ApiError, type QueryData, queryInstant, queryRange, type Window } from '../api';
import { Alert } from '../components/alert';
import { RangeInput, ResolutionInput, TimeInput } from '../components/controls';
import { formatCount, formatMilliseconds } from '../lib/number';
import { effectiveStep, type PanelState, type Tab } from '../lib/permalink';
import { ExpressionInput } from './expression_input';
import { GraphTab } from './graph_tab';
import { TableTab } from './table_tab';

interface Props {
  state: PanelState;
  onChange: (state: PanelState) => void;
  onRemove: (() => void) | undefined;
}

interface Outcome {
  tab: Tab;
  answer?: Answer<QueryData>;
  window?: Window;
  error?: string;
}

function windowOf(state: PanelState): Window {
  const stepMs = effectiveStep(state.resolution, state.rangeMs);
  const endMs = state.endMs ?? Date.now();
  return { startMs: endMs - state.rangeMs, endMs, stepMs };
}

/** Runs the query whenever what it asks changes; a new one ends the one before. */
function useQuery(state: PanelState, run: number): { outcome: Outcome | null; busy: boolean } {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const { expr, tab, endMs } = state;
  const graphKey = tab === 'graph' ? `${state.rangeMs} ${JSON.stringify(state.resolution)}` : '';
  useEffect(() => {
    if (expr.trim() === '') {
      setOutcome(null);
      return;
    }
    const controller = new AbortController();
    const window = windowOf(state);
    setBusy(true);
    const asked =
      tab === 'graph'
        ? queryRange(expr, window, controller.signal)
        : queryInstant(expr, endMs ?? Date.now(), controller.signal);
    asked
      .then((answer) => setOutcome({ tab, answer, window }))
      .catch((error: unknown) => {
        if (controller.signal.aborted) return;
        setOutcome({ tab, error: error instanceof ApiError ? error.message : String(error) });
      })
      .finally(() => {
        if (!controller.signal.aborted) setBusy(false);
      });
    return () => controller.abort();
  }, [expr, tab, endMs, graphKey, run]);
  return { outcome: outcome !== null && outcome.tab === tab ? outcome : null, busy };
}

function countOf(data: QueryData): string {
  return data.resultType === 'vector' || data.resultType === 'matrix' ? formatCount(data.result.length, 'series') : data.resultType;
}

export function Panel({ state, onChange, onRemove }: Props) {
  const [run, setRun] = useState(0);
  const { outcome, busy } = useQuery(state, run);
  const answer = outcome?.answer;
  const change = (part: Partial<PanelState>) => onChange({ ...state, ...part });
  const tab = (name: Tab, label: string) => (
    <button type="button" role="tab" aria-selected={state.tab === name} onClick={() => change({ tab: name })}>
      {label}
    </button>
  );
  return (
    <section class="panel" aria-busy={busy}>
      <ExpressionInput
        value={state.expr}
        busy={busy}
        onRun={(expr) => {
          setRun(run + 1);
          change({ expr });
        }}
      />
      <div class="bar">
        <div role="tablist" aria-label="View">
          {tab('table', 'Table')}
          {tab('graph', 'Graph')}
        </div>
        {answer !== undefined && (
          <span class="stats">
            {formatMilliseconds(answer.milliseconds)} · {countOf(answer.data)}
          </span>
        )}
        {onRemove !== undefined && (
          <button type="button" class="quiet" onClick={onRemove}>
            Remove
          </button>
        )}
      </div>
      <div class="controls">
        {state.tab === 'graph' && <RangeInput rangeMs={state.rangeMs} onChange={(rangeMs) => change({ rangeMs })} />}
        <TimeInput
          label={state.tab === 'graph' ? 'End time' : 'Evaluation time'}
          endMs={state.endMs}
          stepMs={state.rangeMs / 2}
          onChange={(endMs) => change({ endMs })}
        />
        {state.tab === 'graph' && (
          <ResolutionInput resolution={state.resolution} onChange={(resolution) => change({ resolution })} />
        )}
      </div>
      <div class={busy ? 'progress busy' : 'progress'} />
      {outcome?.error !== undefined && <Alert kind="error">{outcome.error}</Alert>}
      {answer?.warnings.map((text) => (
        <Alert key={text} kind="warning">
          {text}
        </Alert>
      ))}
      {answer?.infos.map((text) => (
        <Alert key={text} kind="info">
          {text}
        </Alert>
      ))}
      {answer !== undefined && state.tab === 'table' && <TableTab data={answer.data} />}
      {answer !== undefined && state.tab === 'graph' && outcome?.window !== undefined && (
        <GraphTab
          data={answer.data}
          window={outcome.window}
          onZoom={(startMs, endMs) => {
            const rangeMs = Math.max(1, Math.round((endMs - startMs) / 1000)) * 1000;
            change({ rangeMs, endMs: Math.round(endMs / 1000) * 1000 });
          }}
        />
      )}
      {outcome === null && !busy && <p class="empty">{state.expr.trim() === '' ? 'Enter an expression and press Enter.' : ''}</p>}
    </section>
  );
}
