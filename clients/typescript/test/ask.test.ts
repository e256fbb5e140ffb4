/** `ask`, `request`, `wait` and `cancel` against `doorbell dev`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestFailedError, RequestTimedOutError, type RequestRecord, WaitTimeoutError } from "doorbell-client";
import { Dev } from "./support/dev.js";

const dev = await Dev.start();
const { id: runtime } = await dev.runtime("First");
const client = dev.client();

/** An open request of a runtime without a daemon. */
async function open(name: string): Promise<RequestRecord> {
  const parked = await dev.register(name, "online");
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const onUpdate = (record: RequestRecord) => {
      resolve(record);
      controller.abort();
    };
    client.ask(parked, "model_list", { onUpdate, signal: controller.signal }).catch(reject);
  });
}

test("resolves with result", async () => {
  const args = { path: "/", depth: [1, 2.5, true, null, "ü"] };
  const record = await client.ask(runtime, "echo", { args });
  assert.deepEqual([record.kind, record.status], ["echo", "completed"]);
  assert.deepEqual(record.result, args);
});

test("built-in kind needs no args", async () => {
  const { result } = await client.ask(runtime, "model_list");
  assert.deepEqual((result as { models: { id: string }[] }).models.map(({ id }) => id), ["small", "large"]);
});

test("failure rejects with record", async () => {
  await assert.rejects(client.ask(runtime, "broken"), (error) => {
    assert.ok(error instanceof RequestFailedError);
    assert.match(error.message, /the disk is broken/);
    assert.deepEqual([error.kind, error.record.status, error.record.error], ["failed", "failed", error.message]);
    return true;
  });
});

test("missed deadline rejects with record", async () => {
  const runtime = await dev.register("deadline", "online");
  // Claimed and never reported.
  const asking = client.ask(runtime, "echo", { onUpdate: () => void dev.claim(runtime) });
  await assert.rejects(asking, (error) => {
    assert.ok(error instanceof RequestTimedOutError);
    assert.deepEqual([error.kind, error.record.status], ["timeout", "timeout"]);
    assert.equal(error.message, "daemon did not finish within 1 seconds");
    return true;
  });
});

test("same key is same request", async () => {
  const options = { args: { n: 1 }, idempotencyKey: "once" };
  const first = await client.ask(runtime, "echo", options);
  assert.equal((await client.ask(runtime, "echo", options)).id, first.id);
  const other = client.ask(runtime, "echo", { ...options, args: { n: 2 } });
  await assert.rejects(other, { kind: "conflict", error: "idempotency key was used for another request" });
});

test("asks with args are separate requests", async () => {
  const ask = () => client.ask(runtime, "echo", { args: {} });
  const [first, second] = await Promise.all([ask(), ask()]);
  assert.notEqual(first.id, second.id);
});

test("undeclared kind is not found", async () => {
  await assert.rejects(client.ask(runtime, "unknown"), { kind: "not_found", error: "unknown kind" });
});

test("args over 32 KiB are too large", async () => {
  const asking = client.ask(runtime, "echo", { args: "x".repeat(40_000) });
  await assert.rejects(asking, { kind: "too_large", status: 413, error: "args too large" });
});

test("request for offline runtime stays queued", async () => {
  const offline = await dev.register("ask-offline", "offline");
  await assert.rejects(client.ask(offline, "echo"), { kind: "offline" });
  const asking = client.ask(offline, "echo", { queueSeconds: 60, timeoutMs: 1_000, onUpdate: () => {} });
  await assert.rejects(asking, (error) => error instanceof WaitTimeoutError && error.record?.status === "pending");
});

test("cancel ends a wait", async () => {
  const request = await open("cancelled");
  const waiting = client.wait(request);
  const cancelled = await client.cancel(request.runtime_id, request.id);
  assert.deepEqual([cancelled.status, cancelled.error], ["failed", "cancelled"]);
  await assert.rejects(waiting, { name: "RequestFailedError", message: "cancelled" });
});

test("cancel leaves an ended request", async () => {
  const { id } = await client.ask(runtime, "echo", { args: 1 });
  assert.equal((await client.cancel(runtime, id)).status, "completed");
});

test("request returns a failed record", async () => {
  const failed = await client.ask(runtime, "broken").catch((error: RequestFailedError) => error.record);
  assert.equal((await client.request(runtime, failed.id)).status, "failed");
});

test("abort ends the wait and not the request", async () => {
  const request = await open("aborted");
  const controller = new AbortController();
  const waiting = client.wait(request, { signal: controller.signal });
  const reason = new Error("the page was closed");
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(waiting, reason);
  assert.equal((await client.request(request.runtime_id, request.id)).status, "pending");
});
