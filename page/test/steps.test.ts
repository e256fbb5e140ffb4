import assert from "node:assert/strict";
import { test } from "node:test";
import { Steps, type StepRecord } from "../src/steps.js";

const CREATED = "2026-11-22T03:41:07.000Z";
const COLLECTED = "2026-11-22T03:41:08.000Z";
const ENDED = "2026-11-22T03:41:09.000Z";

const record = (status: string, updated_at: string, fields: Partial<StepRecord> = {}): StepRecord => ({
  status,
  created_at: CREATED,
  updated_at,
  ...fields,
});

function after(...records: StepRecord[]): [string, string, number?][] {
  const steps = new Steps();
  for (const each of records) steps.observe(each);
  return steps.list().map(({ name, state, at }) => (at === undefined ? [name, state] : [name, state, at]));
}

const PENDING = record("pending", CREATED);
const RUNNING = record("running", COLLECTED);

test("before the first record the ring is current", () => {
  assert.deepEqual(after(), [["Rung", "current"], ["Collected", "open"], ["Answered", "open"]]);
});

test("a pending request is rung", () => {
  assert.deepEqual(after(PENDING), [["Rung", "done", Date.parse(CREATED)], ["Collected", "current"], ["Answered", "open"]]);
});

test("the first running record has the time of collection", () => {
  const progress = record("running", ENDED, { progress: 1 });
  assert.deepEqual(after(PENDING, RUNNING, progress)[1], ["Collected", "done", Date.parse(COLLECTED)]);
});

test("a completed request is answered", () => {
  const steps = after(PENDING, RUNNING, record("completed", ENDED));
  assert.deepEqual(steps[2], ["Answered", "done", Date.parse(ENDED)]);
});

test("a collection between two polls has no time", () => {
  assert.deepEqual(after(PENDING, record("completed", ENDED))[1], ["Collected", "done"]);
});

test("a failure is an answer, a cancellation is none", () => {
  assert.equal(after(PENDING, record("failed", ENDED, { error: "no" }))[2]?.[1], "done");
  assert.deepEqual(after(PENDING, record("failed", ENDED, { error: "cancelled" })).slice(1), [["Collected", "open"], ["Answered", "open"]]);
});

test("a timeout ends the request without an answer", () => {
  assert.deepEqual(after(PENDING, RUNNING, record("timeout", ENDED))[2], ["Answered", "open"]);
});

test("a cached answer has no steps", () => {
  assert.deepEqual(after(record("completed", CREATED, { cached: true })), after());
});
