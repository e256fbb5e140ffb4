/** `models` against `doorbell dev`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ModelRecord, WaitTimeoutError } from "doorbell-client";
import { Dev, OTHER_USER } from "./support/dev.js";

const dev = await Dev.start();

test("resolves with models", async () => {
  const { id } = await dev.runtime("First");
  const record = await dev.client().models(id);
  assert.deepEqual(record.models, [
    { id: "small", label: "Small" },
    { id: "large", label: "Large", default: true },
  ]);
  assert.deepEqual([record.status, record.supported, record.runtime_id], ["completed", true, id]);
});

test("shows each step to onUpdate", async () => {
  const runtime = await dev.register("stepwise", "online");
  const seen: ModelRecord[] = [];
  const onUpdate = async (record: ModelRecord) => {
    seen.push(record);
    if (seen.length === 1) await dev.claim(runtime);
    if (record.status === "running") await dev.report(runtime, record.id, { status: "completed", result: { models: [] } });
  };
  const record = await dev.client().models(runtime, { onUpdate });
  const steps = seen.map(({ status }) => status).filter((status, at, all) => status !== all[at - 1]);
  assert.deepEqual(steps, ["pending", "running", "completed"]);
  assert.deepEqual(seen.at(-1), record);
});

test("offline runtime has an error of its own", async () => {
  const runtime = await dev.register("models-offline", "offline");
  const error = { name: "ApiError", kind: "offline", status: 503, error: "runtime is offline" };
  await assert.rejects(dev.client().models(runtime), error);
});

test("runtime of other workspace is not found", async () => {
  const { id } = await dev.runtime("First");
  await assert.rejects(dev.client(OTHER_USER).models(id), { kind: "not_found", error: "runtime not found" });
});

test("malformed ids are answered as by the server, without a call", async () => {
  const client = dev.client();
  for (const id of ["", ".", "..", "../tokens", "a/b", "a?b", "a#b", "é"]) {
    await assert.rejects(client.models(id), { kind: "invalid", error: "invalid runtime_id" }, id);
    await assert.rejects(client.request("a", id), { kind: "not_found", error: "request not found" }, id);
  }
});

test("wait timeout has last record", async () => {
  const runtime = await dev.register("silent", "online");
  const waiting = dev.client().models(runtime, { timeoutMs: 1_500, onUpdate: () => {} });
  await assert.rejects(waiting, (error) => {
    assert.ok(error instanceof WaitTimeoutError);
    assert.equal(error.message, "the request did not end within 1.5 s");
    assert.deepEqual([error.kind, error.record?.status, error.record?.runtime_id], ["wait_timeout", "pending", runtime]);
    return true;
  });
});
