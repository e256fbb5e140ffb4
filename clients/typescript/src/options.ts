/** Options of the client and of its calls. */

import type { ModelRecord, RequestRecord } from "./types.js";

/** Where Doorbell is, and how to call it. */
export interface ClientOptions {
  /** The base URL of the API. In a browser it may be relative to the page. User, password, query and fragment are dropped. */
  url: string | URL;
  /** A token of scope `user`, or a function that returns one; it is called before each call. */
  token: string | (() => string | Promise<string>);
  /** Instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
  /** The longest time of one call in milliseconds, body included. A call may be held for 20 s, or 5 s less than this. Default: 35,000. */
  timeoutMs?: number | undefined;
  /** How often a call that is safe to repeat is repeated. Default: 3. */
  retries?: number | undefined;
}

/** Options of every method. */
export interface CallOptions {
  /** Ends the method, which rejects with the signal's reason. The request goes on; `cancel` ends it. */
  signal?: AbortSignal | undefined;
}

/** Options of the methods that wait for the end of a request. */
export interface WaitOptions<R extends ModelRecord | RequestRecord = RequestRecord> extends CallOptions {
  /** The longest wait in milliseconds, retries included. Default: 120,000. */
  timeoutMs?: number | undefined;
  /**
   * Called with each record, the first and the last one included. With it, the ring is answered at once, and the request is polled
   * at least every second in the first 30 s, then every 5 s; without it, only its end is waited for.
   */
  onUpdate?: ((record: R) => void) | undefined;
}
