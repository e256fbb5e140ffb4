/** Successful responses that are not Doorbell's, and long ones. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DoorbellClient } from "doorbell-client";
import { answer, json, recordOf, RUNTIME, REQUEST, ScriptedServer } from "./support/server.js";

const NOT_DOORBELLS = { name: "ApiError", kind: "server", error: "the response is not Doorbell's: check the URL" };

function clientOf(fetch: typeof globalThis.fetch): DoorbellClient {
  return new DoorbellClient({ url: "http://doorbell.example.com", token: "dbu_example", fetch });
}

describe("answers", { concurrency: true }, () => {
  for (const body of ["", "<html>Sign in to the guest network</html>", "null", "[]", "{}", '{"id":1}', '{"status":"ok"}', "{"]) {
    test(`rejects ${JSON.stringify(body)} for a record`, async () => {
      const server = await ScriptedServer.start((response) => response.end(body));
      await assert.rejects(server.client().request(RUNTIME, REQUEST), NOT_DOORBELLS);
      assert.equal(server.received.length, 1, "it was repeated");
    });
  }

  test("rejects success without JSON", async () => {
    const server = await ScriptedServer.start((response) => response.end("<html>Welcome</html>"));
    await assert.rejects(server.client().forget(RUNTIME), NOT_DOORBELLS);
  });

  test("rejects record without an id", async () => {
    for (const id of ["id", "runtime_id"]) {
      const server = await ScriptedServer.start(answer("completed", { [id]: 1 }));
      await assert.rejects(server.client().request(RUNTIME, REQUEST), NOT_DOORBELLS, id);
    }
  });

  test("rejects unknown status", async () => {
    const server = await ScriptedServer.start(answer("finished"));
    await assert.rejects(server.client().request(RUNTIME, REQUEST), NOT_DOORBELLS);
  });

  test("rejects invalid UTF-8", async () => {
    const body = Buffer.from(JSON.stringify(recordOf("completed", { result: "\xff" })), "latin1");
    const server = await ScriptedServer.start((response) => response.end(body));
    await assert.rejects(server.client().request(RUNTIME, REQUEST), NOT_DOORBELLS);
  });

  for (const body of [{}, null, [null], [{ name: "no id" }]]) {
    test(`rejects ${JSON.stringify(body)} for a list`, async () => {
      const server = await ScriptedServer.start(json(200, body));
      await assert.rejects(server.client().runtimes().next(), NOT_DOORBELLS);
    });
  }

  test("accepts 8 MB", async () => {
    const text = "ü".repeat(4_000_000);
    const server = await ScriptedServer.start(answer("completed", { result: text }));
    assert.equal((await server.client().request(RUNTIME, REQUEST)).result, text);
  });

  test("rejects endless body without reading it", async () => {
    let calls = 0;
    let bytes = 0;
    let cancelled = false;
    const endless: typeof fetch = async () => {
      calls++;
      const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
        bytes += 1 << 16;
        controller.enqueue(new Uint8Array(1 << 16).fill(0x20));
      };
      return new Response(new ReadableStream({ pull, cancel: () => void (cancelled = true) }));
    };
    await assert.rejects(clientOf(endless).request(RUNTIME, REQUEST), NOT_DOORBELLS);
    assert.deepEqual([calls, cancelled], [1, true]);
    assert.ok(bytes <= (8 << 20) + (4 << 16), `${bytes} bytes`);
  });

  test("link to another host ends the list", async () => {
    const other = await ScriptedServer.start(json(200, []));
    const link = `<${other.url}/api/runtimes?cursor=a>; rel="next"`;
    const server = await ScriptedServer.start(json(200, [{ id: RUNTIME }], { link }));
    const pages = server.client().runtimes();
    assert.equal((await pages.next()).value?.id, RUNTIME);
    await assert.rejects(pages.next(), NOT_DOORBELLS);
    assert.equal(other.received.length, 0);
  });

  test("list without an end is rejected", async () => {
    let calls = 0;
    const endless: typeof fetch = async () => {
      calls++;
      return Response.json([], { headers: { link: '<?cursor=a>; rel="next"' } });
    };
    await assert.rejects(clientOf(endless).runtimes().next(), NOT_DOORBELLS);
    assert.equal(calls, 1_000);
  });

  test("next page keeps the path of the base URL", async () => {
    const link = '</api/runtimes?cursor=a%2F>; rel="next"';
    const server = await ScriptedServer.start(json(200, [], { link }), json(200, [{ id: RUNTIME }]));
    await server.client({ url: `${server.url}/prod` }).runtimes({ pageSize: 1 }).next();
    assert.deepEqual(server.calls, ["GET /prod/api/runtimes?limit=1", "GET /prod/api/runtimes?cursor=a%2F"]);
  });
});
