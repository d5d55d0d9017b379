// The expression: grows with its text; Enter runs it, Shift+Enter starts a line.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

function fit(element: HTMLTextAreaElement) {
  element.style.height = 'auto';
  element.style.height = `${element.scrollHeight + 2}px`;
}

export function ExpressionInput(props: { value: string; busy: boolean; onRun: (expr: string) => void }) {
  const [text, setText] = useState(props.value);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => setText(props.value), [props.value]);
  useLayoutEffect(() => {
    if (area.current !== null) fit(area.current);
  }, [text]);
  // The same text takes more lines where there is less room.
  useEffect(() => {
    const element = area.current;
    if (element === null) return;
    let width = element.clientWidth;
    fit(element);
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      fit(element);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <form
      class="expression"
      onSubmit={(event) => {
        event.preventDefault();
        props.onRun(text);
      }}
    >
      <textarea
        ref={area}
        rows={1}
        value={text}
        placeholder="Expression, for example  rate(http_requests_total[5m])"
        aria-label="Expression"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          props.onRun(event.currentTarget.value);
        }}
      />
      <button type="submit" class="primary" disabled={props.busy && text === props.value}>
        Execute
      </button>
    </form>
  );
}
