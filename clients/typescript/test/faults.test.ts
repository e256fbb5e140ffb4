/** Faults of the network and the server: which calls are repeated, when, and what the caller gets. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ApiError, NetworkError } from "doorbell-client";
import { answer, hangUp, json, RUNTIME, REQUEST, ScriptedServer, silence, type Step } from "./support/server.js";

const FAILED = json(500, { error: "failed to load request" });

/** The first half of a record. */
const cutOff: Step = (response) => {
  response.writeHead(200, { "content-length": "1000" });
  response.write('{"id":"0193518f', () => response.destroy());
};

/** Headers without a body. */
const headersOnly: Step = (response) => {
  response.writeHead(200).flushHeaders();
};

describe("faults", { concurrency: true }, () => {
  for (const [name, fault] of Object.entries<Step>({
    "a failed store": FAILED,
    "a busy server": json(503, { error: "server is busy" }),
    "API Gateway's own error": json(503, { message: "Service Unavailable" }),
    "a page with status 502": (response) => response.writeHead(502).end("<html>Bad Gateway</html>"),
    "a closed connection": hangUp,
    "a body that breaks off": cutOff,
  })) {
    test(`${name} is retried`, async () => {
      const server = await ScriptedServer.start(fault, answer("completed"));
      assert.equal((await server.client().request(RUNTIME, REQUEST)).status, "completed");
      assert.equal(server.received.length, 2);
    });
  }

  test("call that hangs is retried", async () => {
    const server = await ScriptedServer.start(silence, answer("completed"));
    await server.client({ timeoutMs: 5_000 }).request(RUNTIME, REQUEST);
    assert.equal(server.received.length, 2);
  });

  test("retries end", async () => {
    const server = await ScriptedServer.start(FAILED);
    const error = { name: "ApiError", kind: "server", status: 500, error: "failed to load request" };
    await assert.rejects(server.client({ retries: 2 }).request(RUNTIME, REQUEST), error);
    assert.equal(server.received.length, 3);
  });

  test("other rejections are not retried", async () => {
    for (const [status, error, kind] of [
      [400, "invalid wait", "invalid"],
      [401, "a valid bearer token is required", "unauthorized"],
      [403, 'the token lacks the scope "user"', "forbidden"],
      [404, "request not found", "not_found"],
      [405, "method not allowed", "invalid"],
      [409, "idempotency key was used for another request", "conflict"],
      [413, "args too large", "too_large"],
      [503, "runtime is offline", "offline"],
    ] as const) {
      const server = await ScriptedServer.start(json(status, { error }));
      const rejection = { name: "ApiError", message: error, kind, status, error };
      await assert.rejects(server.client().ask(RUNTIME, "echo"), rejection);
      assert.equal(server.received.length, 1, error);
    }
  });

  test("forget is not retried", async () => {
    for (const fault of [FAILED, hangUp, json(429, {})]) {
      const server = await ScriptedServer.start(fault);
      await assert.rejects(server.client().forget(RUNTIME));
      assert.equal(server.received.length, 1);
    }
  });

  test("cancel is retried", async () => {
    const server = await ScriptedServer.start(hangUp, answer("failed", { error: "cancelled" }));
    assert.equal((await server.client().cancel(RUNTIME, REQUEST)).error, "cancelled");
    assert.equal(server.received.length, 2);
  });

  test("ask with args is retried with the same key", async () => {
    const server = await ScriptedServer.start(hangUp, answer("completed"), answer("completed"));
    const client = server.client();
    await client.ask(RUNTIME, "echo", { args: { n: 1 } });
    await client.ask(RUNTIME, "echo", { args: { n: 1 } });
    const [first, repeated, other] = server.received.map(({ headers }) => headers["idempotency-key"]);
    assert.match(String(first), /^[0-9a-f]{32}$/);
    assert.equal(repeated, first);
    assert.notEqual(other, first);
    assert.equal(server.received[1]?.body, '{"kind":"echo","args":{"n":1}}');
  });

  test("keyless question is repeated after 429 only", async () => {
    for (const fault of [FAILED, hangUp, json(503, { error: "server is busy" })]) {
      const server = await ScriptedServer.start(fault, answer("completed"));
      await assert.rejects(server.client().ask(RUNTIME, "echo"));
      assert.equal(server.received.length, 1);
    }
    const server = await ScriptedServer.start(json(429, {}), answer("completed"));
    assert.equal((await server.client().ask(RUNTIME, "echo")).status, "completed");
  });

  test("question without args is repeated with its key", async () => {
    const server = await ScriptedServer.start(hangUp, answer("completed"));
    await server.client().ask(RUNTIME, "echo", { idempotencyKey: "once" });
    assert.deepEqual(server.received.map(({ headers }) => headers["idempotency-key"]), ["once", "once"]);
  });

  test("malformed idempotency key makes no call", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    for (const idempotencyKey of ["", "a b", "a\n", "ü", "a".repeat(65)]) {
      const error = { name: "ApiError", status: 400, error: "invalid idempotency key" };
      await assert.rejects(server.client().ask(RUNTIME, "echo", { idempotencyKey }), error);
    }
    assert.equal(server.received.length, 0);
    await server.client().ask(RUNTIME, "echo", { idempotencyKey: "~".repeat(64) });
  });

  test("ask without args has no key, so that it joins", async () => {
    const server = await ScriptedServer.start(hangUp, answer("completed"));
    await server.client().ask(RUNTIME, "model_list", { queueSeconds: 60 });
    assert.equal(server.received.length, 2);
    for (const { headers, body } of server.received) {
      assert.equal(headers["idempotency-key"], undefined);
      assert.equal(body, '{"kind":"model_list","queue_s":60}');
    }
  });

  test("unreachable server is a network error", async () => {
    const server = await ScriptedServer.start((response) => response.destroy());
    await assert.rejects(server.client({ retries: 0 }).request(RUNTIME, REQUEST), (error) => {
      assert.ok(error instanceof NetworkError);
      assert.deepEqual([error.kind, error.message], ["network", `${server.url} cannot be reached`]);
      assert.ok(error.cause instanceof Error);
      return true;
    });
  });

  test("slow call is a timeout", async () => {
    for (const fault of [silence, headersOnly]) {
      const server = await ScriptedServer.start(fault);
      const error = { name: "CallTimeoutError", kind: "call_timeout", message: "the server did not answer within 0.2 s" };
      await assert.rejects(server.client({ timeoutMs: 200, retries: 0 }).request(RUNTIME, REQUEST), error);
    }
  });

  test("redirect is not followed", async () => {
    const other = await ScriptedServer.start(answer("completed"));
    const redirect: Step = (response) => response.writeHead(307, { location: `${other.url}/` }).end();
    const server = await ScriptedServer.start(redirect);
    await assert.rejects(server.client({ retries: 0 }).request(RUNTIME, REQUEST), { kind: "network" });
    assert.equal(other.received.length, 0);
  });

  test("error is one line of at most 200 characters", async () => {
    const server = await ScriptedServer.start(json(400, { error: `a\r\n\u202e${"🔔".repeat(300)}` }));
    await assert.rejects(server.client().forget(RUNTIME), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.error, `a ${"🔔".repeat(198)}`);
      return true;
    });
  });

  test("API Gateway's own error has its text", async () => {
    const server = await ScriptedServer.start(json(403, { message: "Forbidden" }));
    await assert.rejects(server.client().forget(RUNTIME), { kind: "forbidden", error: "Forbidden" });
  });

  test("error without a text has the status", async () => {
    const bodies = ["", "<html></html>", "null", '"text"', "[]", '{"error":7}', '{"error":""}', "x".repeat(1 << 20)];
    for (const body of bodies) {
      const server = await ScriptedServer.start((response) => response.writeHead(500).end(body));
      const error = { kind: "server", error: "the server answered 500 without a reason" };
      await assert.rejects(server.client().forget(RUNTIME), error);
    }
  });
});
