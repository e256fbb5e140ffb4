/** When calls are made, in virtual time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, CallTimeoutError, WaitTimeoutError } from "doorbell-client";
import { REQUEST, RUNTIME } from "./support/server.js";
import { answer, type Scripted, VirtualTime } from "./support/virtual_time.js";

const RECORD = { id: REQUEST, runtime_id: RUNTIME };
const REASON = new Error("the page was closed");
const FAILED: Scripted = { status: 500, body: { error: "failed to load request" } };

function limited(retryAfter: string): Scripted {
  return { status: 429, body: { error: "too many requests for this runtime" }, headers: { "retry-after": retryAfter } };
}

/** A signal that aborts after this many milliseconds. */
function abortAfter(milliseconds: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(REASON), milliseconds);
  return controller.signal;
}

test("pauses before retries double", async (context) => {
  const time = new VirtualTime(context);
  const { error } = await time.run(time.client([FAILED], { retries: 6 }).request(RUNTIME, REQUEST));
  assert.ok(error instanceof ApiError && error.kind === "server", String(error));
  assert.deepEqual(time.pauses, [250, 500, 1_000, 2_000, 4_000, 4_000]);
});

test("pause is not shorter than Retry-After", async (context) => {
  const time = new VirtualTime(context);
  await time.run(time.client([limited("7"), answer("completed")]).request(RUNTIME, REQUEST));
  assert.deepEqual(time.pauses, [7_000]);
});

test("Retry-After that is no number of seconds is ignored", async (context) => {
  const time = new VirtualTime(context);
  const headers = ["-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"].map(limited) as [Scripted];
  await time.run(time.client([...headers, answer("completed")], { retries: 4 }).request(RUNTIME, REQUEST));
  assert.deepEqual(time.pauses, [250, 500, 1_000, 2_000]);
});

test("long Retry-After is left to the caller", async (context) => {
  const time = new VirtualTime(context);
  const { error, took } = await time.run(time.client([limited("31")]).models(RUNTIME));
  assert.ok(error instanceof ApiError && error.kind === "rate_limited" && error.retryAfterSeconds === 31, String(error));
  assert.equal(took, 0);
});

test("no retry outlasts the wait", async (context) => {
  const time = new VirtualTime(context);
  const { error, took } = await time.run(time.client([limited("5")]).models(RUNTIME, { timeoutMs: 4_000 }));
  assert.ok(error instanceof ApiError && error.kind === "rate_limited", String(error));
  assert.equal(took, 0);
});

test("call has 35 s, and is repeated three times", async (context) => {
  const time = new VirtualTime(context);
  const { error } = await time.run(time.client([answer("completed", 100_000)]).request(RUNTIME, REQUEST));
  assert.ok(error instanceof CallTimeoutError, String(error));
  assert.deepEqual(time.pauses, [35_250, 35_500, 36_000]);
});

test("wait has 120 s", async (context) => {
  const time = new VirtualTime(context);
  const { error, took } = await time.run(time.client([answer("running", 20_000)]).ask(RUNTIME, "echo"));
  assert.ok(error instanceof WaitTimeoutError && error.record?.status === "running", String(error));
  assert.equal(took, 120_000);
});

test("held poll is followed by the next at once", async (context) => {
  const time = new VirtualTime(context);
  const held = answer("pending", 20_000);
  await time.run(time.client([held, held, held, answer("completed")]).ask(RUNTIME, "echo"));
  assert.deepEqual(time.pauses, [20_000, 20_000, 20_000]);
});

test("server that does not hold is polled every 500 ms", async (context) => {
  const time = new VirtualTime(context);
  const open = answer("pending");
  await time.run(time.client([open, open, open, answer("completed")]).ask(RUNTIME, "echo"));
  assert.deepEqual(time.pauses, [0, 500, 500]);
});

test("hold ends with the wait", async (context) => {
  const time = new VirtualTime(context);
  const waiting = time.client([answer("pending", 20_000), answer("pending", 4_000), answer("pending")]).wait(RECORD, { timeoutMs: 25_300 });
  const { error } = await time.run(waiting);
  assert.ok(error instanceof WaitTimeoutError, String(error));
  assert.deepEqual(time.calls.slice(0, 2).map(({ hold }) => hold), ["20", "5"]);
  assert.ok(time.calls.slice(2).every(({ hold }) => hold === "1" || hold === "0"));
});

test("with onUpdate a request is polled every second, after 30 s every 5 s", async (context) => {
  const time = new VirtualTime(context);
  const statuses: string[] = [];
  const held = [1, 5].map((seconds) => answer("running", seconds * 1_000)) as [Scripted, Scripted];
  const answers = [answer("pending"), ...Array<Scripted>(30).fill(held[0]), held[1], held[1], answer("completed")];
  const onUpdate = ({ status }: { status: string }) => void statuses.push(status);
  await time.run(time.client(answers as [Scripted]).ask(RUNTIME, "echo", { onUpdate }));
  assert.deepEqual(time.calls.map(({ hold }) => hold), ["0", ...Array(30).fill("1"), "5", "5", "5"]);
  assert.deepEqual(statuses, ["pending", ...Array(32).fill("running"), "completed"]);
});

test("abort ends the pause before a retry", async (context) => {
  const time = new VirtualTime(context);
  const { error, took } = await time.run(time.client([limited("20")]).request(RUNTIME, REQUEST, { signal: abortAfter(200) }));
  assert.deepEqual([error, took, time.calls.length], [REASON, 200, 1]);
});

test("abort ends the pause between polls", async (context) => {
  const time = new VirtualTime(context);
  const { error, took } = await time.run(time.client([answer("pending")]).wait(RECORD, { signal: abortAfter(700) }));
  assert.deepEqual([error, took, time.calls.length], [REASON, 700, 3]);
});

test("limit above that of timers is no limit", async (context) => {
  const time = new VirtualTime(context);
  const client = time.client([answer("pending", 10_000), answer("completed")], { timeoutMs: Infinity });
  const { value } = await time.run(client.wait(RECORD, { timeoutMs: Infinity }));
  assert.equal(value?.status, "completed");
});
