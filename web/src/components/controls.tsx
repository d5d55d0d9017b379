// The inputs of ranges, times and resolutions: a field between two buttons.

import { formatDuration, longerRange, parseDuration, shorterRange } from '../lib/duration';
import type { Resolution } from '../lib/permalink';
import { formatTime, parseTime, utc } from '../lib/time';
import { TextInput } from './text_input';

function StepButton(props: { label: string; sign: string; onClick: () => void; disabled?: boolean }) {
  return (
    <button type="button" class="step" aria-label={props.label} title={props.label} disabled={props.disabled} onClick={props.onClick}>
      {props.sign}
    </button>
  );
}

export function RangeInput(props: { rangeMs: number; onChange: (rangeMs: number) => void }) {
  return (
    <div class="joined">
      <StepButton label="Shorter range" sign="−" onClick={() => props.onChange(shorterRange(props.rangeMs))} />
      <TextInput
        label="Range"
        width="5.5em"
        value={formatDuration(props.rangeMs)}
        onCommit={(text) => {
          const range = parseDuration(text);
          if (range === null || range === 0) return false;
          props.onChange(range);
          return true;
        }}
      />
      <StepButton label="Longer range" sign="+" onClick={() => props.onChange(longerRange(props.rangeMs))} />
    </div>
  );
}

interface TimeProps {
  label: string;
  endMs: number | null;
  /** how far the arrows go */
  stepMs: number;
  onChange: (endMs: number | null) => void;
}

export function TimeInput(props: TimeProps) {
  const move = (by: number) => props.onChange((props.endMs ?? Date.now()) + by);
  return (
    <div class="joined">
      <StepButton label="Earlier" sign="‹" onClick={() => move(-props.stepMs)} />
      <TextInput
        label={`${props.label} (${utc.value ? 'UTC' : 'local time'})`}
        placeholder={props.label}
        width="12.5em"
        value={props.endMs === null ? '' : formatTime(props.endMs, utc.value)}
        onCommit={(text) => {
          if (text.trim() === '') {
            props.onChange(null);
            return true;
          }
          const time = parseTime(text, utc.value);
          if (time === null) return false;
          props.onChange(time);
          return true;
        }}
      />
      <StepButton label="Later" sign="›" onClick={() => move(props.stepMs)} />
      {props.endMs !== null && <StepButton label="Now" sign="×" onClick={() => props.onChange(null)} />}
    </div>
  );
}

const densities = ['low', 'medium', 'high'] as const;
const fixedSteps = ['10s', '30s', '1m', '5m', '15m', '1h'];

export function ResolutionInput(props: { resolution: Resolution; onChange: (resolution: Resolution) => void }) {
  const { resolution } = props;
  const fixed = resolution.type === 'auto' ? '' : formatDuration(resolution.stepMs);
  const selected = resolution.type === 'auto' ? resolution.density : fixed;
  const known = fixed === '' || fixedSteps.includes(fixed) ? fixedSteps : [fixed, ...fixedSteps];
  return (
    <select
      class="field"
      aria-label="Resolution"
      title="Resolution"
      value={selected}
      onChange={(event) => {
        const value = event.currentTarget.value;
        const density = densities.find((name) => name === value);
        if (density !== undefined) props.onChange({ type: 'auto', density });
        else props.onChange({ type: 'fixed', stepMs: parseDuration(value) ?? 60_000 });
      }}
    >
      <optgroup label="By the range">
        {densities.map((name) => (
          <option key={name} value={name}>{`Resolution: ${name}`}</option>
        ))}
      </optgroup>
      <optgroup label="Fixed step">
        {known.map((step) => (
          <option key={step} value={step}>{`Step: ${step}`}</option>
        ))}
      </optgroup>
    </select>
  );
}
