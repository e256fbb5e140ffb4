import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, CallTimeoutError, NetworkError, RequestFailedError, RequestTimedOutError, WaitTimeoutError, type ModelRecord } from "doorbell-client";
import { problemOf } from "../src/states.js";

const RECORD: ModelRecord = {
  id: "0193518f7a5376d3a2f1c5d0e4b79812",
  runtime_id: "6f1f6b1e-5a9e-5b0f-8d5c-2f2f1f0f7a11",
  status: "failed",
  supported: true,
  created_at: "2026-11-22T03:41:07.123Z",
  updated_at: "2026-11-22T03:41:09.456Z",
};

const text = (error: unknown): string => problemOf(error).text;

test("each state has its text", () => {
  const cases: [unknown, string][] = [
    [new ApiError(401, "unauthorized"), "The token was not accepted."],
    [new ApiError(403, "forbidden"), "This token may not do that."],
    [new ApiError(404, "runtime not found"), "The runtime is gone."],
    [new ApiError(404, "unknown kind"), "The runtime has withdrawn this question."],
    [new ApiError(429, "too many requests for this runtime", 3), "Too many requests. Try again in 3 s."],
    [new ApiError(429, "too many open requests for this runtime"), "Too many requests. Try again in 1 s."],
    [new ApiError(503, "runtime is offline"), "This runtime is offline."],
    [new ApiError(500, "failed to enqueue request"), "The server failed. Try again later."],
    [new ApiError(413, "args too large"), "The server did not accept this: args too large"],
    [new NetworkError("fetch failed"), "No connection to the server."],
    [new CallTimeoutError(35_000), "The server did not answer in time."],
    [new RequestTimedOutError({ ...RECORD, status: "timeout" }), "The runtime did not answer in time."],
    [new WaitTimeoutError(120_000), "The runtime did not answer in time."],
    [new RequestFailedError({ ...RECORD, error: "codex is not logged in" }), "The runtime could not answer: codex is not logged in"],
    [new RequestFailedError({ ...RECORD, error: "cancelled" }), "The request was cancelled."],
  ];
  for (const [error, expected] of cases) assert.equal(text(error), expected);
});

test("a fault of the page shows no internals", () => {
  assert.doesNotMatch(text(new TypeError("x is undefined")), /undefined/);
});

test("only a token that is not valid signs out", () => {
  assert.equal(problemOf(new ApiError(401, "unauthorized")).signedOut, true);
  assert.equal(problemOf(new ApiError(403, "forbidden")).signedOut, undefined);
});

test("offers another try where it may help", () => {
  assert.ok(problemOf(new ApiError(503, "runtime is offline")).retry);
  assert.ok(problemOf(new NetworkError("fetch failed")).retry);
  assert.ok(!problemOf(new ApiError(403, "forbidden")).retry);
  assert.ok(!problemOf(new ApiError(404, "runtime not found")).retry);
});
