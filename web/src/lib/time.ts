// Points in time as text, in UTC or the browser's zone.

import { signal } from '@preact/signals';

const storageKey = 'narthex.utc';

function stored(): boolean {
  try {
    return localStorage.getItem(storageKey) !== 'false';
  } catch {
    return true;
  }
}

/** Whether times are shown and entered in UTC. */
export const utc = signal(stored());

export function setUtc(value: boolean) {
  utc.value = value;
  try {
    localStorage.setItem(storageKey, String(value));
  } catch {
    // A browser that stores nothing forgets the choice.
  }
}

const two = (n: number) => String(n).padStart(2, '0');

/** "2026-01-02 03:04:05" */
export function formatTime(milliseconds: number, inUtc: boolean): string {
  const date = new Date(milliseconds);
  if (inUtc) return date.toISOString().slice(0, 19).replace('T', ' ');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

const pattern = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?Z?$/;

/** The opposite of formatTime; null for what is not a time. */
export function parseTime(text: string, inUtc: boolean): number | null {
  const match = pattern.exec(text.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0)) as
    [number, number, number, number, number, number];
  const time = inUtc
    ? Date.UTC(year, month - 1, day, hour, minute, second)
    : new Date(year, month - 1, day, hour, minute, second).getTime();
  return Number.isNaN(time) ? null : time;
}
