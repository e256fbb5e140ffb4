/** Time limits and pauses that end with a signal. */

/** The longest delay of `setTimeout`; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Milliseconds of a clock that never jumps. */
export function now(): number {
  return performance.now();
}

/** Waits for this many milliseconds. Rejects with the signal's reason. */
export function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, Math.min(milliseconds, LONGEST_DELAY_MS));
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/**
 * Runs `work` with a signal that aborts with `signal`, or after `milliseconds` with the error of `onTimeout`. Rejects with the reason
 * at that moment, even if `work` ignores its signal. `AbortSignal.any` would need Node.js 20.3 and keeps its timer.
 */
export async function withTimeout<T>(
  milliseconds: number,
  onTimeout: () => Error,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(onTimeout()), Math.min(milliseconds, LONGEST_DELAY_MS));
  signal?.addEventListener("abort", abort, { once: true });
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
  });
  try {
    return await Promise.race([aborted, work(controller.signal)]);
  } catch (error) {
    // Whatever `work` makes of the abort.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** `value` in milliseconds, which may be `Infinity`. */
export function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${name} must be more than 0, in milliseconds`);
  return value;
}
