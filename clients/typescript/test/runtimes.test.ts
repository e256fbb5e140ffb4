/** `runtimes` and `forget` against `doorbell dev`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, DoorbellClient } from "doorbell-client";
import { DAEMON, Dev, OTHER_USER, USER, WORKSPACE } from "./support/dev.js";

const dev = await Dev.start();

async function names(client: DoorbellClient, options?: Parameters<DoorbellClient["runtimes"]>[0]): Promise<string[]> {
  const names = [];
  for await (const { name } of client.runtimes(options)) names.push(name);
  return names;
}

test("lists runtimes with status and questions", async () => {
  const { status, questions } = await dev.runtime("First");
  assert.equal(status, "online");
  assert.deepEqual(questions?.map(({ name }) => name), ["echo", "broken"]);
});

/** A client and the URLs that it has called. */
function recording(): { client: DoorbellClient; pages: string[] } {
  const pages: string[] = [];
  const recording: typeof fetch = (input, init) => {
    pages.push(String(input));
    return fetch(input, init);
  };
  return { client: new DoorbellClient({ url: dev.url, token: USER, fetch: recording }), pages };
}

test("follows pages to the end", async () => {
  const { client, pages } = recording();
  const listed = await names(client, { pageSize: 1 });
  assert.ok(listed.includes("First") && listed.includes("Second"), listed.join());
  assert.equal(new Set(listed).size, listed.length);
  assert.ok(pages.length >= 2 && pages.slice(1).every((url) => url.includes("cursor=")), pages.join());
});

test("calls for a page only when the loop gets there", async () => {
  const { client, pages } = recording();
  for await (const _ of client.runtimes({ pageSize: 1 })) break;
  assert.equal(pages.length, 1);
});

test("lists one workspace", async () => {
  assert.ok((await names(dev.client(), { workspaceId: WORKSPACE })).includes("First"));
  const error = { name: "ApiError", kind: "not_found", error: "workspace not found" };
  await assert.rejects(names(dev.client(OTHER_USER), { workspaceId: WORKSPACE }), error);
});

test("other workspace sees no runtime", async () => {
  assert.deepEqual(await names(dev.client(OTHER_USER)), []);
});

test("unknown token is unauthorized", async () => {
  const error = { name: "ApiError", kind: "unauthorized", status: 401, error: "a valid bearer token is required" };
  await assert.rejects(names(dev.client("dbu_example")), error);
});

test("token of daemon is forbidden", async () => {
  const error = { name: "ApiError", kind: "forbidden", status: 403, error: 'the token lacks the scope "user"' };
  await assert.rejects(names(dev.client(DAEMON)), error);
});

test("page size out of range is invalid", async () => {
  const error = { name: "ApiError", kind: "invalid", status: 400, error: "invalid limit" };
  await assert.rejects(names(dev.client(), { pageSize: 501 }), error);
});

test("forgets runtime", async () => {
  const id = await dev.register("forgettable", "offline");
  await dev.client().forget(id);
  assert.ok(!(await names(dev.client())).includes("forgettable"));
  await assert.rejects(dev.client().forget(id), (error) => error instanceof ApiError && error.kind === "not_found");
});
