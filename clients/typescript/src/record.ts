/** Checks of what the server answers, of the ids in paths and of idempotency keys. */

import { ApiError } from "./errors.js";
import { type Answer, notDoorbells } from "./transport.js";
import type { Status } from "./types.js";

/** What every record has. */
interface AnyRecord {
  id: string;
  runtime_id: string;
  status: Status;
}

const STATUSES: readonly Status[] = ["pending", "running", "completed", "failed", "timeout"];

/** The record of an answer. Fields that only the daemon decides are not checked. */
export function record<R extends AnyRecord>(answer: Answer): R {
  const { id, runtime_id, status } = fields(answer.value);
  if (typeof id === "string" && typeof runtime_id === "string" && STATUSES.some((known) => known === status)) {
    return answer.value as R;
  }
  throw notDoorbells(200);
}

/** The array of an answer whose elements have ids. */
export function list<T extends { id: string }>(answer: Answer): T[] {
  const { value } = answer;
  if (Array.isArray(value) && value.every((item) => typeof fields(item)["id"] === "string")) return value as T[];
  throw notDoorbells(200);
}

/** Whether a request has ended. */
export function hasEnded(status: Status): boolean {
  return status !== "pending" && status !== "running";
}

/**
 * The segment of a runtime in a path. An id with other characters than those of ids could name another path, such as `..`, and is
 * answered as the server would.
 */
export function runtimeSegment(id: string): string {
  if (isId(id)) return id;
  throw new ApiError(400, "invalid runtime_id");
}

/** The segment of a request in a path, as that of a runtime. */
export function requestSegment(id: string): string {
  if (isId(id)) return id;
  throw new ApiError(404, "request not found");
}

/** An idempotency key as a header can have it. Another one is answered as the server would: the error of `fetch` would differ. */
export function validKey(key: string | undefined): string | undefined {
  if (key === undefined || /^[!-~]{1,64}$/.test(key)) return key;
  throw new ApiError(400, "invalid idempotency key");
}

function isId(id: string): boolean {
  return /^[0-9A-Za-z-]+$/.test(id);
}

function fields(value: unknown): { [name: string]: unknown } {
  return typeof value === "object" && value !== null ? (value as { [name: string]: unknown }) : {};
}
