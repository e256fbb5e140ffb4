/** One call of the API: base URL, token, time limit, retries and JSON bodies. */

import { oneLine, parseJson, readToLimit } from "./body.js";
import { ApiError, CallTimeoutError, NetworkError } from "./errors.js";
import type { ClientOptions } from "./options.js";
import { withRetries } from "./retry.js";
import { positive, withTimeout } from "./timing.js";
import type { JsonValue } from "./types.js";

/** The longest body that is read. A function's response has at most 6 MB (AWS, "Lambda quotas"). */
const BODY_BYTES = 8 << 20;

/** The longest body of an error that is read. Doorbell's have less than 1 KB. */
const ERROR_BYTES = 64 << 10;

/** The longest error text that is kept. */
const ERROR_CHARACTERS = 200;

const DEFAULT_TIMEOUT_MS = 35_000;

/** The longest time that a response may be held, in seconds. API Gateway ends a call after 30 s, the API accepts 25. */
const HOLD_S = 20;

/** What a call takes besides the hold, such as the connection and a cold start, in seconds. */
const HOLD_MARGIN_S = 5;

const DEFAULT_RETRIES = 3;

/** A call. */
export interface Call {
  method: "GET" | "POST" | "DELETE";
  /** The path below the base URL, with the query. */
  path: string;
  body?: { [name: string]: JsonValue };
  idempotencyKey?: string | undefined;
  /** Whether it may be made twice. "rate_limited": only after 429, as any other error leaves open whether it had its effect. */
  repeatable: boolean | "rate_limited";
  signal?: AbortSignal | undefined;
  /** No retry starts later than this, on the clock of `now`. Default: none. */
  until?: number;
}

/** The JSON of a successful response. */
export interface Answer {
  value: unknown;
  /** The URL that was called. */
  url: string;
  headers: Headers;
}

/** Makes calls with the options of one client. */
export class Transport {
  // Private to the engine too, so that no log of a client shows the token.
  readonly #base: string;
  readonly #token: ClientOptions["token"];
  readonly #fetch: typeof globalThis.fetch;
  readonly #timeoutMs: number;
  readonly #retries: number;

  /** How long the server may hold a response, in whole seconds: shorter than the time limit of a call. */
  readonly holdLimit: number;

  constructor(options: ClientOptions) {
    this.#base = baseUrl(options.url);
    this.#token = options.token;
    // Looked up at each call, and called as a function: browsers reject `fetch` as a method of another object.
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#timeoutMs = positive("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.holdLimit = Math.min(HOLD_S, Math.max(0, Math.floor(this.#timeoutMs / 1000) - HOLD_MARGIN_S));
    this.#retries = options.retries ?? DEFAULT_RETRIES;
    if (!(this.#retries >= 0)) throw new RangeError("retries must be 0 or more");
  }

  /** Makes a call, repeated if that is safe and useful. */
  call(call: Call): Promise<Answer> {
    const retries = {
      count: call.repeatable === false ? 0 : this.#retries,
      onlyRateLimited: call.repeatable === "rate_limited",
      until: call.until ?? Infinity,
    };
    return withRetries(retries, call.signal, () => this.#attempt(call));
  }

  #attempt(call: Call): Promise<Answer> {
    const onTimeout = () => new CallTimeoutError(this.#timeoutMs);
    return withTimeout(this.#timeoutMs, onTimeout, call.signal, async (signal) => {
      const headers: Record<string, string> = { authorization: `Bearer ${await this.#currentToken()}` };
      if (call.body !== undefined) headers["content-type"] = "application/json";
      if (call.idempotencyKey !== undefined) headers["idempotency-key"] = call.idempotencyKey;
      const init: RequestInit = {
        method: call.method,
        headers,
        signal,
        cache: "no-store",
        // Only the token authenticates, and a redirect could send it to another host.
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
      };
      if (call.body !== undefined) init.body = JSON.stringify(call.body);
      const url = this.#base + call.path;
      const fetch = this.#fetch;
      const response = await this.#reach(() => fetch(url, init));
      return { value: await this.#value(response), url, headers: response.headers };
    });
  }

  /** The token. One with characters that no header can have is answered as the server would: the error of `fetch` would show it. */
  async #currentToken(): Promise<string> {
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (!/^[!-~]+$/.test(token)) throw new ApiError(401, "a valid bearer token is required");
    return token;
  }

  /** The JSON of a successful response, or the error in any other. */
  async #value(response: Response): Promise<unknown> {
    const text = await this.#reach(() => readToLimit(response, response.ok ? BODY_BYTES : ERROR_BYTES));
    const value = parseJson(text);
    if (!response.ok) throw apiError(response, value);
    if (value === undefined) throw notDoorbells(response.status);
    return value;
  }

  async #reach<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw new NetworkError(`${this.#base} cannot be reached`, { cause });
    }
  }
}

/** The error of a successful response without the JSON that the API promises, such as the page of a captive portal. */
export function notDoorbells(status: number): ApiError {
  return new ApiError(status, "the response is not Doorbell's: check the URL");
}

/** Doorbell's errors have `error`, API Gateway's own `message`. */
function apiError(response: Response, value: unknown): ApiError {
  const { error, message } = (value ?? {}) as { error?: unknown; message?: unknown };
  const text = [error, message].find((text) => typeof text === "string" && text !== "");
  const known = text === undefined ? `the server answered ${response.status} without a reason` : String(text);
  const retryAfter = response.headers.get("retry-after") ?? "";
  const seconds = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  return new ApiError(response.status, oneLine(known, ERROR_CHARACTERS), seconds);
}

/** The base URL without a slash at its end, and without what would add credentials or swallow the path of a call. */
function baseUrl(text: string | URL): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const url = new URL(text, page);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError("the URL must begin with http:// or https://");
  return url.origin + url.pathname.replace(/\/+$/, "");
}
