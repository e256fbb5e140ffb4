/** A server with scripted answers. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { DoorbellClient, type ClientOptions } from "doorbell-client";

export const RUNTIME = "6f1f6b1e-5a9e-5b0f-8d5c-2f2f1f0f7a11";
export const REQUEST = "0193518f7a5376d3a2f1c5d0e4b79812";

/** How one call is answered. */
export type Step = (response: ServerResponse, request: IncomingMessage) => void;

/** A call that the server got. */
export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** A record with this status. */
export function recordOf(status: string, more: object = {}): object {
  const time = "2026-11-22T03:41:07.123Z";
  return { id: REQUEST, runtime_id: RUNTIME, kind: "echo", status, created_at: time, updated_at: time, ...more };
}

/** Answers with JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Step {
  return (response) => response.writeHead(status, headers).end(JSON.stringify(body));
}

/** Answers with a record. */
export function answer(status: string, more: object = {}): Step {
  return json(200, recordOf(status, more));
}

/** Never answers. */
export const silence: Step = () => {};

/** Closes the connection without an answer. */
export const hangUp: Step = (response) => response.destroy();

/** A server with one step for each call; the last one is repeated. */
export class ScriptedServer {
  readonly received: Received[] = [];

  private constructor(readonly url: string) {}

  /** Starts it for one test file. It ends after its tests. */
  static async start(...steps: [Step, ...Step[]]): Promise<ScriptedServer> {
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const step = steps[Math.min(scripted.received.length, steps.length - 1)] ?? silence;
      const { method = "", url = "", headers } = request;
      scripted.received.push({ method, url, headers, body });
      step(response, request);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const scripted = new ScriptedServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    after(() => {
      server.close();
      server.closeAllConnections();
    });
    return scripted;
  }

  client(options: Partial<ClientOptions> = {}): DoorbellClient {
    return new DoorbellClient({ url: this.url, token: "dbu_example", ...options });
  }

  /** The method and URL of each call. */
  get calls(): string[] {
    return this.received.map(({ method, url }) => `${method} ${url}`);
  }
}
