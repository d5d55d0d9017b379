// The query page: panels one below the other, their state in the URL.

import { useEffect, useState } from 'preact/hooks';
import { decodePanels, encodePanels, newPanel, type PanelState } from '../lib/permalink';
import { Panel } from './panel';

interface Entry {
  id: number;
  state: PanelState;
}

let nextId = 0;
const entry = (state: PanelState): Entry => ({ id: nextId++, state });

function fromUrl(): Entry[] {
  const panels = decodePanels(location.search);
  return (panels.length > 0 ? panels : [newPanel()]).map(entry);
}

export function QueryPage() {
  const [entries, setEntries] = useState(fromUrl);

  useEffect(() => {
    const onPopState = () => setEntries(fromUrl());
    addEventListener('popstate', onPopState);
    return () => removeEventListener('popstate', onPopState);
  }, []);

  const update = (next: Entry[]) => {
    setEntries(next);
    const search = `?${encodePanels(next.map(({ state }) => state))}`;
    if (search !== location.search) history.pushState(null, '', search);
  };
  const change = (id: number, state: PanelState) =>
    update(entries.map((current) => (current.id === id ? { id, state } : current)));

  return (
    <>
      {entries.map(({ id, state }) => (
        <Panel
          key={id}
          state={state}
          onChange={(next) => change(id, next)}
          onRemove={entries.length > 1 ? () => update(entries.filter((current) => current.id !== id)) : undefined}
        />
      ))}
      <button type="button" class="quiet" onClick={() => update([...entries, entry(newPanel())])}>
        + Add panel
      </button>
    </>
  );
}
