import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, duration, listed, ServerClock } from "../src/age.js";

const NOW = Date.parse("2026-11-22T03:41:07Z");
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

test("ago names the largest whole unit", () => {
  const cases: [number, string][] = [
    [0, "just now"],
    [9_999, "just now"],
    [10 * SECOND, "10 s ago"],
    [59 * SECOND, "50 s ago"],
    [60 * SECOND, "1 min ago"],
    [59 * 60 * SECOND, "59 min ago"],
    [HOUR, "1 h ago"],
    [23 * HOUR, "23 h ago"],
    [24 * HOUR, "1 day ago"],
    [72 * HOUR, "3 days ago"],
  ];
  for (const [age, expected] of cases) assert.equal(ago(NOW - age, NOW), expected);
});

test("ago takes the future and no time as now", () => {
  assert.equal(ago(NOW + HOUR, NOW), "just now");
  assert.equal(ago(Number.NaN, NOW), "just now");
});

test("listed is just now for a minute", () => {
  assert.equal(listed(NOW - 59_999, NOW, false), "Listed just now");
  assert.equal(listed(NOW - 60_000, NOW, false), "Listed 1 min ago");
});

test("listed shows that the list is refreshed", () => {
  assert.equal(listed(NOW - 120_000, NOW, true), "Listed 2 min ago, refreshing");
});

test("duration has tenths of seconds below ten", () => {
  const cases: [number, string][] = [
    [-5, "0 s"],
    [40, "0.0 s"],
    [1_250, "1.3 s"],
    [12_400, "12 s"],
    [65_000, "1 min 5 s"],
  ];
  for (const [ms, expected] of cases) assert.equal(duration(ms), expected);
});

test("clock follows the server by its date", () => {
  let local = NOW;
  const clock = new ServerClock(() => local);
  clock.observe(new Date(NOW + HOUR).toUTCString(), local, local);
  local += 5 * SECOND;
  assert.ok(Math.abs(clock.now() - (NOW + HOUR + 5 * SECOND)) <= SECOND);
});

test("clock is the local one if the date allows that", () => {
  const clock = new ServerClock(() => NOW);
  clock.observe(new Date(NOW - 900).toUTCString(), NOW - 300, NOW);
  assert.equal(clock.now(), NOW);
});

test("clock returns to the local one once the date allows that", () => {
  const clock = new ServerClock(() => NOW);
  clock.observe(new Date(NOW + HOUR).toUTCString(), NOW, NOW);
  clock.observe(new Date(NOW).toUTCString(), NOW, NOW + 700);
  assert.equal(clock.now(), NOW);
});

test("clock ignores a response without a date", () => {
  const clock = new ServerClock(() => NOW);
  clock.observe(null, NOW, NOW);
  clock.observe("yesterday", NOW, NOW);
  assert.equal(clock.now(), NOW);
});
