// The frame around every page.

import { useEffect, useState } from 'preact/hooks';
import { Alert } from './components/alert';
import { setUtc, utc } from './lib/time';
import { QueryPage } from './query/page';
import { pathPrefix, settings } from './settings';

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M8 25V13a8 8 0 0 1 16 0v12" />
      <path class="trace" d="M10.5 20.5l3.4-4 3.2 2.8 4.4-6" />
    </svg>
  );
}

function ZoneSwitch() {
  const option = (label: string, value: boolean) => (
    <button type="button" aria-pressed={utc.value === value} onClick={() => setUtc(value)}>
      {label}
    </button>
  );
  return (
    <div class="segmented" role="group" aria-label="Time zone">
      {option('UTC', true)}
      {option('Local', false)}
    </div>
  );
}

// While the server reads its log at the start it answers, but not with data.
function StartupNotice() {
  const [ready, setReady] = useState(settings.ready);
  useEffect(() => {
    if (ready) return;
    const timer = setInterval(async () => {
      try {
        const response = await fetch(`${pathPrefix}/-/ready`, { cache: 'no-store' });
        if (response.ok) setReady(true);
      } catch {
        // Not there yet.
      }
    }, 1000);
    return () => clearInterval(timer);
  }, [ready]);
  return ready ? null : <Alert kind="info">The server is starting and replays its log. Queries work once it is ready.</Alert>;
}

export function App() {
  return (
    <>
      <header class="top">
        <a class="brand" href={`${pathPrefix}/query`}>
          <Logo />
          <span>Narthex</span>
        </a>
        <nav aria-label="Pages">
          <a href={`${pathPrefix}/query`} aria-current="page">
            Query
          </a>
        </nav>
        <ZoneSwitch />
      </header>
      <main>
        <StartupNotice />
        <QueryPage />
      </main>
    </>
  );
}
