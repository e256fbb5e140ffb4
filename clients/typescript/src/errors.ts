/** Errors, one class for each remedy. No text contains the token. */

import type { ModelRecord, RequestRecord } from "./types.js";

/** What an {@link ApiError} is about, by status. */
export type ApiErrorKind =
  | "invalid" // 400 and other 4xx: the call is malformed
  | "unauthorized" // 401: the token is not valid
  | "forbidden" // 403: the token lacks the scope
  | "not_found" // 404: it does not exist, or is in another workspace
  | "conflict" // 409: the idempotency key was used for another request
  | "too_large" // 413: the args, or the body
  | "rate_limited" // 429
  | "offline" // 503 with "runtime is offline"
  | "server"; // other 5xx, or a response that is not Doorbell's

/** What went wrong. Each value has one class. */
export type DoorbellErrorKind = ApiErrorKind | "network" | "call_timeout" | "failed" | "timeout" | "wait_timeout";

/** A record of either kind. */
type AnyRecord = ModelRecord | RequestRecord;

/** The base of all errors of this package, apart from a `TypeError` or `RangeError` for a malformed option. */
export abstract class DoorbellError extends Error {
  /** What went wrong, for a `switch`. */
  abstract readonly kind: DoorbellErrorKind;
}

/** The server answered with an error. */
export class ApiError extends DoorbellError {
  override readonly name = "ApiError";
  override readonly kind: ApiErrorKind;
  /** The HTTP status. */
  readonly status: number;
  /** The server's text: one line of at most 200 characters. */
  readonly error: string;
  /** The `Retry-After` of the response, in seconds. In a browser, only from the same origin. */
  readonly retryAfterSeconds?: number;

  constructor(status: number, error: string, retryAfterSeconds?: number) {
    super(error);
    this.kind = apiErrorKind(status, error);
    this.status = status;
    this.error = error;
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No response arrived, or it broke off. `cause` has the error of `fetch`. */
export class NetworkError extends DoorbellError {
  override readonly name = "NetworkError";
  override readonly kind = "network";
}

/** A call took longer than `ClientOptions.timeoutMs`. */
export class CallTimeoutError extends DoorbellError {
  override readonly name = "CallTimeoutError";
  override readonly kind = "call_timeout";

  constructor(milliseconds: number) {
    super(`the server did not answer within ${seconds(milliseconds)}`);
  }
}

/** The request failed on the machine, or was cancelled. The message is the record's `error`. */
export class RequestFailedError<R extends AnyRecord = AnyRecord> extends DoorbellError {
  override readonly name = "RequestFailedError";
  override readonly kind = "failed";

  /** @param record The last record. Its status is `failed`. */
  constructor(readonly record: R) {
    super(record.error ?? "the daemon gave no reason");
  }
}

/** The daemon missed a deadline of the request. The message, the record's `error`, names it. */
export class RequestTimedOutError<R extends AnyRecord = AnyRecord> extends DoorbellError {
  override readonly name = "RequestTimedOutError";
  override readonly kind = "timeout";

  /** @param record The last record. Its status is `timeout`. */
  constructor(readonly record: R) {
    super(record.error ?? "the daemon did not respond in time");
  }
}

/** The request had not ended within `WaitOptions.timeoutMs`. It goes on: `wait` again, or `cancel` it. */
export class WaitTimeoutError<R extends AnyRecord = AnyRecord> extends DoorbellError {
  override readonly name = "WaitTimeoutError";
  override readonly kind = "wait_timeout";
  /** The last record. Left out if not even the ring was answered. */
  readonly record?: R;

  constructor(milliseconds: number, record?: R) {
    super(`the request did not end within ${seconds(milliseconds)}`);
    if (record !== undefined) this.record = record;
  }
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}

function apiErrorKind(status: number, error: string): ApiErrorKind {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 409:
      return "conflict";
    case 413:
      return "too_large";
    case 429:
      return "rate_limited";
    case 503:
      return error === "runtime is offline" ? "offline" : "server";
    default:
      return status >= 400 && status < 500 ? "invalid" : "server";
  }
}
