/** Cached lists of models, against `doorbell dev`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelRecord } from "doorbell-client";
import { Dev } from "./support/dev.js";

const dev = await Dev.start();
const client = dev.client();

/** The record of a ring of a runtime without a daemon, whose request this report answers. */
async function answered(runtime: string, report: object): Promise<ModelRecord> {
  const onUpdate = async ({ id, status }: ModelRecord) => {
    if (status !== "pending") return;
    assert.equal(await dev.claim(runtime), id);
    await dev.report(runtime, id, { status: "completed", result: report });
  };
  return client.models(runtime, { refresh: true, onUpdate });
}

function ids({ models = [] }: ModelRecord): string[] {
  return models.map(({ id }) => id);
}

test("second ring has cached list and its age", async () => {
  const runtime = await dev.register("cached", "online");
  const first = await answered(runtime, { models: [{ id: "a" }] });
  const second = await client.models(runtime);
  assert.deepEqual([first.cached, first.cached_at, second.cached], [undefined, undefined, true]);
  assert.deepEqual([second.status, ids(second), second.cached_at], ["completed", ["a"], first.updated_at]);
  await assert.rejects(client.request(runtime, second.id), { kind: "not_found" });
});

test("ask for models has cached list too", async () => {
  const runtime = await dev.register("cached-ask", "online");
  await answered(runtime, { models: [{ id: "a" }] });
  const { cached, result } = await client.ask(runtime, "model_list");
  assert.deepEqual([cached, result], [true, { models: [{ id: "a", label: "a" }], supported: true }]);
});

test("refresh asks the machine", async () => {
  const runtime = await dev.register("refreshed", "online");
  await answered(runtime, { models: [{ id: "old" }] });
  const refreshed = await answered(runtime, { models: [{ id: "new" }] });
  assert.deepEqual([refreshed.cached, ids(refreshed)], [undefined, ["new"]]);
  assert.deepEqual(ids(await client.models(runtime)), ["new"]);
});

test("fallback is marked and not cached", async () => {
  const runtime = await dev.register("fallback", "online");
  await answered(runtime, { models: [{ id: "own" }] });
  const fallback = await answered(runtime, { models: [{ id: "other" }], fallback: true });
  assert.deepEqual([fallback.fallback, ids(fallback)], [true, ["other"]]);
  const cached = await client.models(runtime);
  assert.deepEqual([cached.cached, cached.fallback, ids(cached)], [true, undefined, ["own"]]);
});
