/** Parts with more cases than calls can show: links, pauses, texts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, NetworkError } from "doorbell-client";
import { oneLine } from "../dist/body.js";
import { nextQuery, nextTarget } from "../dist/link.js";
import { pauseBefore } from "../dist/retry.js";

test("finds link to next page", () => {
  for (const header of [
    '<?cursor=a>; rel="next"',
    "<?cursor=a>;rel=next",
    '<?cursor=a>; title="x"; REL="prefetch NEXT"',
    '<?cursor=z>; rel="prev", <?cursor=a>; rel="next"',
    '<?cursor=a>; rel="next", <?cursor=z>; rel="last"',
  ]) {
    assert.equal(nextTarget(header), "?cursor=a", header);
  }
  for (const header of [null, "", "next", '<?cursor=a>; rel="prev"', "<?cursor=a", '<?a>; title="next"', "<?a>"]) {
    assert.equal(nextTarget(header), undefined, String(header));
  }
});

test("next page is a query of the same origin", () => {
  const url = "https://doorbell.example.com/prod/api/runtimes?limit=2";
  for (const target of [
    "?cursor=a%2F",
    "/api/runtimes?cursor=a%2F",
    "https://doorbell.example.com/api/runtimes?cursor=a%2F",
    "https://doorbell.example.com:443?cursor=a%2F#b",
  ]) {
    assert.equal(nextQuery(url, target), "?cursor=a%2F", target);
  }
  for (const target of [
    "http://doorbell.example.com/api/runtimes?cursor=a",
    "https://doorbell.example.com:8443/?cursor=a",
    "https://evil.example/?cursor=a",
    "//evil.example/?cursor=a",
    "data:text/plain,?cursor=a",
    "https://[?cursor=a",
    "/api/runtimes",
  ]) {
    assert.equal(nextQuery(url, target), undefined, target);
  }
});

test("pauses double up to 8 s, half of it jitter", () => {
  const error = new NetworkError();
  const shortest = [0, 1, 2, 3, 4, 5, 60].map((failures) => pauseBefore(failures, error, 0));
  assert.deepEqual(shortest, [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  assert.equal(pauseBefore(1, error, 1), 1_000);
});

test("pause begins at Retry-After", () => {
  assert.equal(pauseBefore(0, new ApiError(429, "slow down", 30), 0), 30_000);
  assert.equal(pauseBefore(0, new ApiError(429, "slow down", 30), 1), 30_250);
  assert.equal(pauseBefore(0, new ApiError(429, "slow down", 31), 0), undefined);
  assert.equal(pauseBefore(0, new ApiError(503, "server is busy", 0), 0), 250);
});

test("caller's own errors are not retried", () => {
  for (const error of [new TypeError("x"), undefined, "text", new ApiError(200, "not Doorbell's")]) {
    assert.equal(pauseBefore(0, error, 0), undefined);
  }
});

test("text is cut between characters", () => {
  assert.equal(oneLine("ab\u0000\n\u2028c", 10), "ab c");
  assert.equal(oneLine("🔔🔔🔔", 2), "🔔🔔");
});
