import assert from "node:assert/strict";
import { test } from "node:test";
import type { DoorbellClient, RequestRecord } from "doorbell-client";
import { Live } from "../src/live.js";

const TIME = "2026-11-22T03:41:07Z";
const PENDING: RequestRecord = {
  id: "0193518f7a5376d3a2f1c5d0e4b79812",
  runtime_id: "6f1f6b1e-5a9e-5b0f-8d5c-2f2f1f0f7a11",
  kind: "echo",
  status: "pending",
  created_at: TIME,
  updated_at: TIME,
};
const RUNNING: RequestRecord = { ...PENDING, status: "running" };

type Cancel = () => Promise<RequestRecord>;

/** A request whose records the test gives, and the number of its cancellations. */
function started(cancel: Cancel): { live: Live<RequestRecord>; update: (record: RequestRecord) => void; cancelled: () => number } {
  let count = 0;
  const client = {
    cancel: (): Promise<RequestRecord> => {
      count += 1;
      return cancel();
    },
  } as Pick<DoorbellClient, "cancel">;
  const live = new Live<RequestRecord>(client, () => undefined);
  let update: ((record: RequestRecord) => void) | undefined;
  void live.run((options) => {
    update = options.onUpdate;
    return new Promise(() => undefined);
  });
  assert.ok(update);
  return { live, update, cancelled: () => count };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("one click cancels once, whatever records follow", async () => {
  const { live, update, cancelled } = started(async () => RUNNING);
  update(PENDING);
  live.cancel();
  update(RUNNING);
  await turn();
  update(RUNNING);
  assert.equal(cancelled(), 1);
});

test("a click before the first record cancels with it", () => {
  const { live, update, cancelled } = started(() => new Promise(() => undefined));
  live.cancel();
  assert.equal(cancelled(), 0);
  update(PENDING);
  update(RUNNING);
  assert.equal(cancelled(), 1);
});

test("a cancellation that failed can be tried again", async () => {
  const { live, update, cancelled } = started(() => Promise.reject(new Error("not answered")));
  update(PENDING);
  live.cancel();
  await turn();
  assert.equal(live.isCancelling, false);
  update(RUNNING);
  assert.equal(cancelled(), 1);
  live.cancel();
  assert.equal(cancelled(), 2);
});
