/** Abort signals. */

import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { describe, test } from "node:test";
import { DoorbellClient } from "doorbell-client";
import { answer, RUNTIME, REQUEST, ScriptedServer } from "./support/server.js";

const REASON = new Error("the page was closed");

describe("aborts", { concurrency: true }, () => {
  test("aborted signal prevents the call", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    const client = server.client();
    const signal = AbortSignal.abort(REASON);
    await assert.rejects(client.runtimes({ signal }).next(), REASON);
    await assert.rejects(client.models(RUNTIME, { signal }), REASON);
    await assert.rejects(client.ask(RUNTIME, "echo", { signal }), REASON);
    await assert.rejects(client.request(RUNTIME, REQUEST, { signal }), REASON);
    await assert.rejects(client.wait({ id: REQUEST, runtime_id: RUNTIME }, { signal }), REASON);
    await assert.rejects(client.cancel(RUNTIME, REQUEST, { signal }), REASON);
    await assert.rejects(client.forget(RUNTIME, { signal }), REASON);
    assert.equal(server.received.length, 0);
  });

  test("abort ends a call and closes its connection", async () => {
    const controller = new AbortController();
    let closed: Promise<unknown> | undefined;
    const server = await ScriptedServer.start((response) => {
      closed = once(response, "close");
      controller.abort(REASON);
    });
    await assert.rejects(server.client().models(RUNTIME, { signal: controller.signal }), REASON);
    await closed;
    assert.equal(server.received.length, 1);
  });

  test("abort ends a call whose fetch ignores the signal", async () => {
    const controller = new AbortController();
    const deaf: typeof fetch = () => {
      controller.abort(REASON);
      return new Promise(() => {});
    };
    const client = new DoorbellClient({ url: "http://doorbell.example.com", token: "dbu_example", fetch: deaf });
    await assert.rejects(client.forget(RUNTIME, { signal: controller.signal }), REASON);
  });

  test("signal keeps no listener", async () => {
    const server = await ScriptedServer.start(answer("pending"), answer("completed"));
    const { signal } = new AbortController();
    await server.client().ask(RUNTIME, "echo", { signal });
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});
