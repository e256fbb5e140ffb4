/** URLs relative to a page. A file of its own, because `location` is global. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DoorbellClient } from "doorbell-client";
import { RUNTIME } from "./support/server.js";

test("URL is relative to the page", async () => {
  Object.assign(globalThis, { location: { href: "https://doorbell.example.com/prod/?code=a#/runtimes/b" } });
  let called = "";
  const client = new DoorbellClient({ url: ".", token: "dbu_example" });
  // Found at the call: a page may replace it.
  globalThis.fetch = async (input) => {
    called = String(input);
    return Response.json({ status: "ok" });
  };
  await client.forget(RUNTIME);
  assert.equal(called, `https://doorbell.example.com/prod/api/runtimes/${RUNTIME}`);
});
