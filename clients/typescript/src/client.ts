/** The client. */

import { nextQuery, nextTarget } from "./link.js";
import type { CallOptions, ClientOptions, WaitOptions } from "./options.js";
import { list, record, requestSegment, runtimeSegment, validKey } from "./record.js";
import { type Call, notDoorbells, Transport } from "./transport.js";
import type { JsonValue, ModelRecord, RequestRecord, Runtime } from "./types.js";
import { type Turn, waitForEnd } from "./wait.js";

/** A workspace has at most 5,000 runtimes, and a page usually 500, so a list that goes on after this many does not end. */
const PAGES = 1_000;

/** A second request of these kinds has no effect but another report. */
const BUILT_IN_KINDS: readonly string[] = ["model_list", "local_skills"];

/**
 * A client of one Doorbell server, with one token.
 *
 * All methods reject with an `ApiError`, a `NetworkError` or a `CallTimeoutError` if a call fails, and with the signal's reason if it is
 * aborted. Calls that are safe to repeat are repeated after network errors, call timeouts, 429 and 5xx, except for "runtime is
 * offline"; `ask` of a question without args and key only after 429.
 */
export class DoorbellClient {
  readonly #transport: Transport;

  /**
   * Makes no call.
   *
   * @throws TypeError for a URL that is malformed or not http(s); RangeError for a `timeoutMs` or `retries` out of range.
   */
  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /**
   * The runtimes of all workspaces of the token, or of `workspaceId`; online and offline, each page sorted by name. `pageSize` is 1 to
   * 500 and defaults to the server's 500. A page is called for when the loop gets there.
   */
  async *runtimes(
    options: CallOptions & { workspaceId?: string | undefined; pageSize?: number | undefined } = {},
  ): AsyncGenerator<Runtime, void, undefined> {
    const { workspaceId, pageSize, signal } = options;
    let query: string | undefined = queryOf({ workspace_id: workspaceId, limit: pageSize });
    for (let page = 0; query !== undefined; page++) {
      const path = `/api/runtimes${query}`;
      const answer = await this.#transport.call({ method: "GET", path, repeatable: true, signal });
      yield* list<Runtime>(answer);
      const target = nextTarget(answer.headers.get("link"));
      query = target === undefined ? undefined : nextQuery(answer.url, target);
      // A page is missing, or the list has no end.
      if (target !== undefined && (query === undefined || page + 1 >= PAGES)) throw notDoorbells(200);
    }
  }

  /**
   * The models of a runtime. Returns at once if the server has a list of the last 24 hours (`cached` in the record); `refresh` asks
   * the machine all the same. Without models, the record has none; with `supported: false`, the provider ignores a choice.
   *
   * @throws RequestFailedError, RequestTimedOutError or WaitTimeoutError if the request does not complete.
   */
  models(
    runtimeId: string,
    options: WaitOptions<ModelRecord> & { refresh?: boolean | undefined } = {},
  ): Promise<ModelRecord> {
    const call = async (method: "GET" | "POST", id: string, refresh: boolean, turn: Turn) => {
      const query = queryOf({ wait: turn.holdSeconds, refresh: refresh || undefined });
      const path = `/api/runtimes/${runtimeSegment(runtimeId)}/models${id}${query}`;
      // A repeated ring joins the pending request.
      return record<ModelRecord>(await this.#transport.call({ method, path, repeatable: true, ...turn }));
    };
    return waitForEnd(
      this.#transport.holdLimit,
      options,
      (turn) => call("POST", "", options.refresh ?? false, turn),
      ({ id }, turn) => call("GET", `/${requestSegment(id)}`, false, turn),
    );
  }

  /**
   * Asks `kind`, a question that the runtime declares or a built-in kind, and waits for the answer, the record's `result`.
   *
   * `args` is at most 32 KiB of JSON. `queueSeconds` (up to 604,800) is how long the request may wait for an offline runtime; raise
   * `timeoutMs` with it, or `wait` again later. An idempotency key (1 to 64 visible ASCII characters) makes a retry safe; with `args`
   * one is generated. Without args and key, a request of the kind that is pending is joined. One that runs is not, so a retry could
   * run a question twice: it is repeated only after 429.
   *
   * @throws RequestFailedError, RequestTimedOutError or WaitTimeoutError if the request does not complete.
   */
  ask(
    runtimeId: string,
    kind: string,
    options: WaitOptions & {
      args?: JsonValue | undefined;
      queueSeconds?: number | undefined;
      idempotencyKey?: string | undefined;
    } = {},
  ): Promise<RequestRecord> {
    const { args, queueSeconds } = options;
    const body: NonNullable<Call["body"]> = { kind };
    if (args !== undefined) body["args"] = args;
    if (queueSeconds !== undefined) body["queue_s"] = queueSeconds;
    const idempotencyKey = options.idempotencyKey ?? (args === undefined ? undefined : randomKey());
    const repeatable = idempotencyKey !== undefined || BUILT_IN_KINDS.includes(kind) ? true : "rate_limited";
    const ring = async ({ holdSeconds, signal, until }: Turn) => {
      const path = `/api/runtimes/${runtimeSegment(runtimeId)}/requests${queryOf({ wait: holdSeconds })}`;
      const call: Call = { method: "POST", path, body, idempotencyKey: validKey(idempotencyKey), repeatable, signal, until };
      return record<RequestRecord>(await this.#transport.call(call));
    };
    return waitForEnd(this.#transport.holdLimit, options, ring, (last, turn) => this.#poll(last, turn));
  }

  /**
   * The state of a request of any kind. `waitSeconds` (0 to 25) holds the response until the request has ended, or that long. A
   * failed request is returned like any other.
   */
  async request(
    runtimeId: string,
    requestId: string,
    options: CallOptions & { waitSeconds?: number | undefined } = {},
  ): Promise<RequestRecord> {
    const path = requestPath(runtimeId, requestId) + queryOf({ wait: options.waitSeconds });
    return record<RequestRecord>(await this.#transport.call({ method: "GET", path, repeatable: true, signal: options.signal }));
  }

  /**
   * Waits for the end of a request of any kind, such as one that a `WaitTimeoutError` has left open.
   *
   * @throws RequestFailedError, RequestTimedOutError or WaitTimeoutError if the request does not complete.
   */
  wait(request: { id: string; runtime_id: string }, options: WaitOptions = {}): Promise<RequestRecord> {
    return waitForEnd(
      this.#transport.holdLimit,
      options,
      (turn) => this.#poll(request, turn),
      (last, turn) => this.#poll(last, turn),
    );
  }

  /** Cancels a request of any kind. Returns its record: `failed` with the error `cancelled`, unless it had ended before. */
  async cancel(runtimeId: string, requestId: string, options: CallOptions = {}): Promise<RequestRecord> {
    const path = requestPath(runtimeId, requestId);
    return record<RequestRecord>(await this.#transport.call({ method: "DELETE", path, repeatable: true, signal: options.signal }));
  }

  /**
   * Removes a runtime that is no longer in use. A daemon that still serves it registers it again. Not repeated after an error, as
   * the runtime may have come back.
   */
  async forget(runtimeId: string, options: CallOptions = {}): Promise<void> {
    const path = `/api/runtimes/${runtimeSegment(runtimeId)}`;
    await this.#transport.call({ method: "DELETE", path, repeatable: false, signal: options.signal });
  }

  async #poll({ id, runtime_id }: { id: string; runtime_id: string }, turn: Turn): Promise<RequestRecord> {
    const path = requestPath(runtime_id, id) + queryOf({ wait: turn.holdSeconds });
    return record<RequestRecord>(await this.#transport.call({ method: "GET", path, repeatable: true, ...turn }));
  }
}

function requestPath(runtimeId: string, requestId: string): string {
  return `/api/runtimes/${runtimeSegment(runtimeId)}/requests/${requestSegment(requestId)}`;
}

/** `?name=value&…` of the values that are there, or nothing. */
function queryOf(values: { [name: string]: string | number | boolean | undefined }): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** 32 hex digits. `crypto.randomUUID` would need a secure context, which a page on http:// is only at localhost. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
