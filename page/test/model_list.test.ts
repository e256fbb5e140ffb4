import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";
import { ApiError, type ModelRecord, type WaitOptions } from "doorbell-client";
import { ModelList, type ModelClient } from "../src/model_list.js";

const START = Date.parse("2026-11-22T03:41:07Z");
const MINUTE = 60_000;
const RUNTIME = "6f1f6b1e-5a9e-5b0f-8d5c-2f2f1f0f7a11";

function record(fields: Partial<ModelRecord>): ModelRecord {
  const time = new Date(START).toISOString();
  return { id: "0193518f7a5376d3a2f1c5d0e4b79812", runtime_id: RUNTIME, status: "completed", supported: true, created_at: time, updated_at: time, ...fields };
}

const cached = (age: number): ModelRecord => record({ cached: true, cached_at: new Date(START - age).toISOString() });

type Call = WaitOptions<ModelRecord> & { refresh?: boolean | undefined };

/** A client whose calls are answered in turn; the last answer is repeated. */
class ScriptedClient {
  readonly calls: Call[] = [];
  readonly cancelled: string[] = [];
  readonly #answers: (ModelRecord | Error)[];

  constructor(...answers: (ModelRecord | Error)[]) {
    this.#answers = answers;
  }

  async models(_: string, options: Call = {}): Promise<ModelRecord> {
    const answer = this.#answers[Math.min(this.calls.length, this.#answers.length - 1)];
    this.calls.push(options);
    await Promise.resolve();
    if (answer === undefined || answer instanceof Error) throw answer;
    options.onUpdate?.(answer);
    return answer;
  }

  async cancel(_: string, id: string): Promise<never> {
    this.cancelled.push(id);
    throw new Error("not answered");
  }
}

function listOf(t: TestContext, client: ScriptedClient, remembered?: ModelRecord): ModelList {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
  t.after(() => mock.timers.reset());
  return new ModelList(client as unknown as ModelClient, RUNTIME, () => Date.now(), () => undefined, remembered);
}

/** Lets time pass in steps, and what waits for it run. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    mock.timers.tick(500);
    for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
  }
}

test("a remembered list is there before the first answer", (t) => {
  const remembered = cached(MINUTE);
  assert.equal(listOf(t, new ScriptedClient(cached(0)), remembered).record, remembered);
});

test("a fresh list is not followed", async (t) => {
  const client = new ScriptedClient(cached(MINUTE - 1));
  const list = listOf(t, client);
  await list.load();
  assert.equal(list.refreshing, false);
  await pass(2 * MINUTE);
  assert.equal(client.calls.length, 1);
});

test("a stale list is followed until the new one is there", async (t) => {
  const stale = cached(MINUTE);
  const renewed = cached(0);
  const client = new ScriptedClient(stale, stale, renewed);
  const list = listOf(t, client);
  await list.load();
  assert.deepEqual([list.record, list.refreshing], [stale, true]);
  await pass(3_000);
  assert.deepEqual([list.record, list.refreshing], [stale, true]);
  await pass(12_000);
  assert.deepEqual([list.record, list.refreshing], [renewed, false]);
  await pass(2 * MINUTE);
  assert.equal(client.calls.length, 3);
});

test("a stale list is looked at after 3, 15 and 45 s", async (t) => {
  const client = new ScriptedClient(cached(MINUTE));
  const list = listOf(t, client);
  await list.load();
  const calls: number[] = [];
  for (const ms of [2_500, 500, 11_500, 500, 29_500, 500]) {
    await pass(ms);
    calls.push(client.calls.length - 1);
  }
  assert.deepEqual(calls, [0, 1, 1, 2, 2, 3]);
  assert.equal(list.refreshing, false);
  await pass(2 * MINUTE);
  assert.equal(client.calls.length, 4);
});

test("an error while following leaves the list", async (t) => {
  const stale = cached(MINUTE);
  const list = listOf(t, new ScriptedClient(stale, new ApiError(503, "runtime is offline")));
  await list.load();
  await pass(3_000);
  assert.deepEqual([list.record, list.problem, list.refreshing], [stale, undefined, false]);
});

test("nothing is asked after the view is closed", async (t) => {
  const client = new ScriptedClient(cached(MINUTE));
  const list = listOf(t, client);
  await list.load();
  list.dispose();
  await pass(2 * MINUTE);
  assert.equal(client.calls.length, 1);
});

test("refresh bypasses the cache", async (t) => {
  const client = new ScriptedClient(cached(0), record({}));
  const list = listOf(t, client);
  await list.load();
  await list.load(true);
  assert.deepEqual(client.calls.map(({ refresh }) => refresh), [false, true]);
});

test("a failed refresh keeps the list", async (t) => {
  const first = cached(0);
  const list = listOf(t, new ScriptedClient(first, new ApiError(503, "runtime is offline")));
  await list.load();
  await list.load(true);
  assert.equal(list.record, first);
  assert.equal(list.problem?.text, "This runtime is offline.");
});

test("the next answer clears the problem", async (t) => {
  const list = listOf(t, new ScriptedClient(new ApiError(503, "runtime is offline"), cached(0)));
  await list.load();
  await list.load();
  assert.equal(list.problem, undefined);
});

test("a cached answer shows no live request", async (t) => {
  const list = listOf(t, new ScriptedClient(cached(0)));
  await list.load();
  assert.equal(list.live?.isVisible, false);
});

test("cancel waits for the id of the request", async (t) => {
  const client = new ScriptedClient(record({ status: "pending" }));
  const list = listOf(t, client);
  const loaded = list.load();
  list.cancel();
  await loaded;
  assert.deepEqual(client.cancelled, ["0193518f7a5376d3a2f1c5d0e4b79812"]);
});
