// Ages and times as text.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From this age on, a cached list is refreshed behind its answer. WIRE.md calls it stale from then on. */
export const STALE_AFTER_MS = MINUTE;

/** How long ago `time` was, such as "just now", "2 min ago" or "3 days ago". A time in the future is "just now". */
export function ago(time: number, now: number): string {
  const age = now - time;
  if (!(age >= 10 * SECOND)) return "just now";
  if (age < MINUTE) return `${Math.floor(age / SECOND / 10) * 10} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h ago`;
  const days = Math.floor(age / DAY);
  return days === 1 ? "1 day ago" : `${days} days ago`;
}

/** The age of a list, such as "Listed 2 min ago, refreshing". */
export function listed(time: number, now: number, refreshing: boolean): string {
  const age = now - time;
  const text = age < MINUTE ? "just now" : ago(time, now);
  return `Listed ${text}${refreshing ? ", refreshing" : ""}`;
}

/** A duration between two steps, such as "0.4 s" or "1 min 5 s". */
export function duration(ms: number): string {
  if (ms < 0) return "0 s";
  if (ms < 10 * SECOND) return `${(Math.round(ms / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  const seconds = Math.round(ms / SECOND);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** The clock of the server, from the `Date` header of its answers. Ages then do not depend on this machine's clock. */
export class ServerClock {
  #offset = 0;

  constructor(private readonly local: () => number = Date.now) {}

  now(): number {
    return this.local() + this.#offset;
  }

  /** Takes the `Date` of an answer that was asked for at `sent` and came at `received`, both in ms of the local clock. */
  observe(date: string | null, sent: number, received: number): void {
    const server = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(server)) return;
    // The header has whole seconds, and was written at some time during the call.
    const least = server - received;
    const most = server + SECOND - sent;
    if (least <= this.#offset && this.#offset <= most) return;
    this.#offset = least <= 0 && 0 <= most ? 0 : (least + most) / 2;
  }
}
