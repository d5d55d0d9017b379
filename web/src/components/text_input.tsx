// An input that holds what is being typed and hands it on when it is complete: on Enter or when it
// loses the focus. What cannot be understood is marked, and forgotten on Escape.

import { useEffect, useState } from 'preact/hooks';

interface Props {
  value: string;
  label: string;
  placeholder?: string;
  width: string;
  /** false: not understood */
  onCommit: (text: string) => boolean;
}

export function TextInput(props: Props) {
  const [text, setText] = useState(props.value);
  const [valid, setValid] = useState(true);
  useEffect(() => {
    setText(props.value);
    setValid(true);
  }, [props.value]);
  const commit = () => {
    if (text !== props.value) setValid(props.onCommit(text));
  };
  return (
    <input
      type="text"
      class="field"
      style={{ width: props.width }}
      value={text}
      aria-label={props.label}
      title={props.label}
      aria-invalid={!valid}
      placeholder={props.placeholder}
      spellcheck={false}
      autocomplete="off"
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        if (event.key === 'Escape') {
          setText(props.value);
          setValid(true);
        }
      }}
    />
  );
}
