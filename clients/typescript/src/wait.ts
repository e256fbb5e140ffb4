/** Waiting for the end of a request. */

import { RequestFailedError, RequestTimedOutError, WaitTimeoutError } from "./errors.js";
import type { WaitOptions } from "./options.js";
import { hasEnded } from "./record.js";
import { now, positive, sleep, withTimeout } from "./timing.js";
import type { ModelRecord, RequestRecord } from "./types.js";

const DEFAULT_TIMEOUT_MS = 120_000;

/** A held response shows neither the claim nor progress, so calls with `onUpdate` are held for this long only. */
const UPDATE_HOLD_S = 1;

/** From 30 s on, as a queued request may wait for days. */
const LATE_UPDATE_HOLD_S = 5;

/** The least interval of polls whose responses the server does not hold. */
const POLL_INTERVAL_MS = 500;

/** How a call of a wait is made. */
export interface Turn {
  /** How long the server may hold the response, in whole seconds. */
  holdSeconds: number;
  signal: AbortSignal;
  /** When the wait ends, on the clock of `now`. */
  until: number;
}

/**
 * Gets the first record from `begin`, then others from `poll`, until the request has ended. Resolves with the record of a completed
 * request; rejects with the error of any other end. No response is held for more than `holdLimit` seconds.
 */
export async function waitForEnd<R extends ModelRecord | RequestRecord>(
  holdLimit: number,
  options: WaitOptions<R>,
  begin: (turn: Turn) => Promise<R>,
  poll: (record: R, turn: Turn) => Promise<R>,
): Promise<R> {
  const timeoutMs = positive("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const start = now();
  const until = start + timeoutMs;
  let last: R | undefined;
  const onTimeout = () => new WaitTimeoutError(timeoutMs, last);
  return withTimeout(timeoutMs, onTimeout, options.signal, async (signal) => {
    const turn = (longestHold: number) => {
      const left = Math.floor((until - now()) / 1000);
      return { holdSeconds: Math.max(0, Math.min(longestHold, holdLimit, left)), signal, until };
    };
    // With `onUpdate` the ring is not held, so that its record is seen at once.
    last = await begin(turn(options.onUpdate === undefined ? holdLimit : 0));
    for (;;) {
      options.onUpdate?.(last);
      if (hasEnded(last.status)) return completed(last);
      const pollStart = now();
      const longestHold =
        options.onUpdate === undefined ? holdLimit : pollStart - start < 30_000 ? UPDATE_HOLD_S : LATE_UPDATE_HOLD_S;
      const next = turn(longestHold);
      last = await poll(last, next);
      const wasHeld = now() - pollStart >= Math.max(POLL_INTERVAL_MS, next.holdSeconds * 500);
      if (!wasHeld && !hasEnded(last.status)) await sleep(POLL_INTERVAL_MS, signal);
    }
  });
}

function completed<R extends ModelRecord | RequestRecord>(record: R): R {
  if (record.status === "failed") throw new RequestFailedError(record);
  if (record.status === "timeout") throw new RequestTimedOutError(record);
  return record;
}
