/** How waits poll, and how they end. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answer, RUNTIME, REQUEST, ScriptedServer, silence } from "./support/server.js";

const RECORD = { id: REQUEST, runtime_id: RUNTIME };
const REQUESTS = `/api/runtimes/${RUNTIME}/requests`;
const MODELS = `/api/runtimes/${RUNTIME}/models`;

describe("waits", { concurrency: true }, () => {
  test("ring and polls are held for 20 s", async () => {
    const server = await ScriptedServer.start(answer("pending"), answer("running"), answer("completed"));
    await server.client().ask(RUNTIME, "echo");
    const expected = [`POST ${REQUESTS}?wait=20`, `GET ${REQUESTS}/${REQUEST}?wait=20`, `GET ${REQUESTS}/${REQUEST}?wait=20`];
    assert.deepEqual(server.calls, expected);
  });

  test("models have routes of their own, and only the ring refreshes", async () => {
    const server = await ScriptedServer.start(answer("pending"), answer("completed"));
    await server.client().models(RUNTIME, { refresh: true });
    assert.deepEqual(server.calls, [`POST ${MODELS}?wait=20&refresh=true`, `GET ${MODELS}/${REQUEST}?wait=20`]);
  });

  test("ended ring is not polled", async () => {
    const server = await ScriptedServer.start(answer("completed", { cached: true }));
    const seen: boolean[] = [];
    const record = await server.client().models(RUNTIME, { onUpdate: ({ cached }) => void seen.push(cached ?? false) });
    assert.equal(record.cached, true);
    assert.deepEqual(seen, [true]);
    assert.deepEqual(server.calls, [`POST ${MODELS}?wait=0`]);
  });

  test("with onUpdate the ring is not held, and polls for 1 s", async () => {
    const server = await ScriptedServer.start(answer("pending"), answer("running"), answer("completed"));
    const seen: string[] = [];
    await server.client().ask(RUNTIME, "echo", { onUpdate: ({ status }) => void seen.push(status) });
    assert.deepEqual(seen, ["pending", "running", "completed"]);
    const expected = [`POST ${REQUESTS}?wait=0`, `GET ${REQUESTS}/${REQUEST}?wait=1`, `GET ${REQUESTS}/${REQUEST}?wait=1`];
    assert.deepEqual(server.calls, expected);
  });

  test("hold ends before the wait", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    await server.client().wait(RECORD, { timeoutMs: 7_900 });
    assert.deepEqual(server.calls, [`GET ${REQUESTS}/${REQUEST}?wait=7`]);
  });

  test("hold ends before the time limit of a call", async () => {
    for (const [timeoutMs, hold] of [[10_000, 5], [25_900, 20], [4_000, 0]]) {
      const server = await ScriptedServer.start(answer("pending"), answer("completed"));
      await server.client({ timeoutMs }).ask(RUNTIME, "echo");
      const expected = [`POST ${REQUESTS}?wait=${hold}`, `GET ${REQUESTS}/${REQUEST}?wait=${hold}`];
      assert.deepEqual(server.calls, expected);
    }
  });

  test("wait ends while a poll is held", async () => {
    const server = await ScriptedServer.start(answer("running"), silence);
    const waiting = server.client().wait(RECORD, { timeoutMs: 1_200 });
    await assert.rejects(waiting, { name: "WaitTimeoutError", message: "the request did not end within 1.2 s" });
  });

  test("wait that ends before the ring has no record", async () => {
    const server = await ScriptedServer.start(silence);
    await assert.rejects(server.client().models(RUNTIME, { timeoutMs: 300 }), (error) => {
      assert.ok(error instanceof Error && error.name === "WaitTimeoutError" && !("record" in error && error.record));
      return true;
    });
  });

  test("error of onUpdate ends the wait", async () => {
    const server = await ScriptedServer.start(answer("pending"));
    const reason = new Error("cannot draw");
    const onUpdate = () => {
      throw reason;
    };
    await assert.rejects(server.client().wait(RECORD, { onUpdate, timeoutMs: 5_000 }), reason);
    assert.equal(server.received.length, 1);
  });

  test("wait without time is malformed", async () => {
    const server = await ScriptedServer.start(answer("pending"));
    for (const timeoutMs of [0, -1, NaN]) {
      await assert.rejects(server.client().wait(RECORD, { timeoutMs }), { name: "RangeError" });
    }
    assert.equal(server.received.length, 0);
  });
});
