/** Options of the client: URL, token and `fetch`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { DoorbellClient } from "doorbell-client";
import { answer, hangUp, json, RUNTIME, REQUEST, ScriptedServer } from "./support/server.js";

const SECRET = "dbu_example_secret";

/** The URL of the first call of a client with this base URL. */
async function called(url: string | URL): Promise<string> {
  let called = "";
  const record: typeof fetch = async (input) => {
    called = String(input);
    return Response.json({ status: "ok" });
  };
  await new DoorbellClient({ url, token: "dbu_example", fetch: record }).forget(RUNTIME);
  return called.replace(RUNTIME, "…");
}

describe("options", { concurrency: true }, () => {
  test("base URL may have a path", async () => {
    for (const [url, expected] of [
      ["https://doorbell.example.com", "https://doorbell.example.com/api/runtimes/…"],
      ["https://doorbell.example.com/prod/", "https://doorbell.example.com/prod/api/runtimes/…"],
      [new URL("http://[::1]:3000/"), "http://[::1]:3000/api/runtimes/…"],
      ["https://user:password@doorbell.example.com/a?b=c#d", "https://doorbell.example.com/a/api/runtimes/…"],
    ] as const) {
      assert.equal(await called(url), expected);
    }
  });

  test("malformed URL is a TypeError", () => {
    for (const url of ["", "doorbell.example.com", "localhost:3000", "file:///etc", "/api"]) {
      assert.throws(() => new DoorbellClient({ url, token: "dbu_example" }), TypeError, url);
    }
  });

  test("numbers out of range are RangeErrors", () => {
    for (const options of [{ timeoutMs: 0 }, { timeoutMs: NaN }, { retries: -1 }, { retries: NaN }]) {
      assert.throws(() => new DoorbellClient({ url: "http://127.0.0.1", token: "dbu_example", ...options }), RangeError);
    }
  });

  test("concurrent calls warn of no leak", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on("warning", warn);
    await Promise.all(Array.from({ length: 20 }, () => server.client().request(RUNTIME, REQUEST)));
    process.off("warning", warn);
    assert.deepEqual(warnings, []);
  });

  test("token is the only credential", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    await server.client({ token: SECRET }).request(RUNTIME, REQUEST);
    const headers = server.received[0]?.headers;
    assert.equal(headers?.authorization, `Bearer ${SECRET}`);
    assert.equal(headers?.cookie, undefined);
  });

  test("function is asked for a token before each call", async () => {
    const server = await ScriptedServer.start(hangUp, answer("completed"));
    let calls = 0;
    await server.client({ token: async () => `dbu_example_${++calls}` }).request(RUNTIME, REQUEST);
    const tokens = server.received.map(({ headers }) => headers.authorization);
    assert.deepEqual(tokens, ["Bearer dbu_example_1", "Bearer dbu_example_2"]);
  });

  test("error of the function for the token is the caller's", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    const reason = new Error("signed out");
    await assert.rejects(server.client({ token: () => Promise.reject(reason) }).request(RUNTIME, REQUEST), reason);
    assert.equal(server.received.length, 0);
  });

  test("token that no header can have is unauthorized", async () => {
    const server = await ScriptedServer.start(answer("completed"));
    for (const token of ["", "a b", "a\nb", "schlüssel"]) {
      const error = { kind: "unauthorized", status: 401, message: "a valid bearer token is required" };
      await assert.rejects(server.client({ token }).request(RUNTIME, REQUEST), error);
    }
    assert.equal(server.received.length, 0);
  });

  test("no log and no error shows the token", async () => {
    const server = await ScriptedServer.start(hangUp, json(500, { error: "failed" }), answer("failed"));
    const client = server.client({ token: SECRET, retries: 0 });
    const errors = [
      await client.forget(RUNTIME).catch((error: unknown) => error),
      await client.forget(RUNTIME).catch((error: unknown) => error),
      await client.ask(RUNTIME, "echo").catch((error: unknown) => error),
      await server.client({ token: `${SECRET}\n` }).forget(RUNTIME).catch((error: unknown) => error),
    ];
    for (const shown of [client, ...errors]) {
      assert.ok(typeof shown === "object");
      const text = inspect(shown, { depth: Infinity, showHidden: true }) + JSON.stringify(shown);
      assert.ok(!text.includes(SECRET), text);
    }
  });
});
