/** Which errors are worth a retry, and when. */

import { ApiError, CallTimeoutError, NetworkError } from "./errors.js";
import { now, sleep } from "./timing.js";

/** The pause before the first retry; it doubles with each. */
const FIRST_PAUSE_MS = 500;

/** The longest pause that is not the server's. */
const LONGEST_PAUSE_MS = 8_000;

/** A `Retry-After` above this is left to the caller: nothing in the API asks for more than a few seconds. */
const LONGEST_RETRY_AFTER_S = 30;

/** How a call is repeated. */
export interface Retries {
  /** How often. 0 for a call that must not be made twice. */
  count: number;
  /** Whether only after 429, which shows that the server has not accepted the call. */
  onlyRateLimited: boolean;
  /** Not later than this, on the clock of `now`: an error is better than a pause that the wait does not outlast. */
  until: number;
}

/** Makes a call, and repeats it while its error may pass. */
export async function withRetries<T>(
  retries: Retries,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await call();
    } catch (error) {
      if (failures >= retries.count) throw error;
      if (retries.onlyRateLimited && !(error instanceof ApiError && error.kind === "rate_limited")) throw error;
      const pause = pauseBefore(failures, error, Math.random());
      if (pause === undefined || now() + pause > retries.until) throw error;
      await sleep(pause, signal);
    }
  }
}

/**
 * The pause after this many failures, or `undefined` if a retry is of no use. It grows exponentially, with a jitter of up to half of
 * it, and is never shorter than the server's `Retry-After`. `random` is between 0 and 1.
 */
export function pauseBefore(failures: number, error: unknown, random: number): number | undefined {
  if (!mayPass(error)) return undefined;
  const after = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) : 0;
  if (after > LONGEST_RETRY_AFTER_S) return undefined;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
  return Math.max(after * 1000, pause / 2) + (random * pause) / 2;
}

function mayPass(error: unknown): boolean {
  if (error instanceof ApiError) {
    return error.kind === "rate_limited" || (error.kind === "server" && error.status >= 500);
  }
  return error instanceof NetworkError || error instanceof CallTimeoutError;
}
