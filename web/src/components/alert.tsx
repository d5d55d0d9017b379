import type { ComponentChildren } from 'preact';

const titles = { error: 'Error', warning: 'Warning', info: 'Note' };

export function Alert(props: { kind: 'error' | 'warning' | 'info'; children: ComponentChildren }) {
  return (
    <div class={`alert ${props.kind}`} role={props.kind === 'error' ? 'alert' : 'status'}>
      <strong>{titles[props.kind]}</strong>
      <span>{props.children}</span>
    </div>
  );
}
