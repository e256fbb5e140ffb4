/** A `doorbell dev` with its daemon, from the environment variable DOORBELL_BIN. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { DoorbellClient, type Runtime } from "doorbell-client";

/** The public tokens of `doorbell dev`. */
export const USER = "dbu_dev_a";
export const OTHER_USER = "dbu_dev_b";
export const DAEMON = "dbd_dev_a";
export const WORKSPACE = "00000000-0000-4000-8000-00000000000a";

/** Two agents with two models each, and two questions. */
const CONFIG = `
detect = false

[[agent]]
type = "command"
name = "First"
profile = "first"
program = "/bin/echo"
args = ['[{"id": "small", "label": "Small"}, {"id": "large", "label": "Large", "default": true}]']

[[agent]]
type = "command"
name = "Second"
profile = "second"
program = "/bin/echo"
args = ['[{"id": "a", "label": "A"}, {"id": "b", "label": "B"}]']

[[question]]
name = "echo"
description = "The args"
program = ["cat"]

[[question]]
name = "broken"
program = ["sh", "-c", "echo the disk is broken >&2; exit 1"]
`;

/** A running server. */
export class Dev {
  private constructor(readonly url: string) {}

  /** Starts a server for the tests of one file and waits until its daemon has registered. It ends after them. */
  static async start(): Promise<Dev> {
    const binary = process.env["DOORBELL_BIN"];
    if (binary === undefined) throw new Error("DOORBELL_BIN is not set: the path of the command `doorbell`");
    const home = await mkdtemp(join(tmpdir(), "doorbell-client-"));
    const config = join(home, "agents.toml");
    await writeFile(config, CONFIG);
    const options = ["dev", "--addr", "127.0.0.1:0", "--store", "memory", "--config", config, "--interval", "100ms"];
    const env = { PATH: process.env["PATH"], HOME: home };
    const child = spawn(binary, options, { env, stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    after(async () => {
      child.kill();
      await ended;
      await rm(home, { recursive: true });
    });
    let url: string | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      url ??= /^Doorbell listens on (\S+)/.exec(line)?.[1];
      // Printed after the list of models.
      if (url !== undefined && line.startsWith("Stop with")) return new Dev(url);
    }
    throw new Error(`${binary} ended before it listened`);
  }

  client(token: string = USER): DoorbellClient {
    return new DoorbellClient({ url: this.url, token });
  }

  async runtime(name: string): Promise<Runtime> {
    for await (const runtime of this.client().runtimes()) if (runtime.name === name) return runtime;
    throw new Error(`there is no runtime ${name}`);
  }

  /** The id of a new runtime without a daemon, which is online for 45 s or offline. It has the question `echo`, to finish in 1 s. */
  async register(name: string, status: "online" | "offline"): Promise<string> {
    const runtime = { name, type: name, status, questions: [{ name: "echo", timeout_s: 1 }] };
    const { runtimes } = (await this.post("/api/daemon/register", {
      workspace_id: WORKSPACE,
      daemon_id: name,
      runtimes: [runtime],
    })) as { runtimes: [{ id: string }] };
    return runtimes[0].id;
  }

  /** The id of the request that the runtime's heartbeat has claimed, if any. */
  async claim(runtimeId: string): Promise<string | undefined> {
    const answer = await this.post("/api/daemon/heartbeat", { runtimes: [{ id: runtimeId, in_flight: [] }] });
    return (answer as { runtimes: [{ work?: [{ id: string }] }] }).runtimes[0].work?.[0].id;
  }

  /** Reports as the daemon of the runtime. */
  async report(runtimeId: string, requestId: string, report: object): Promise<void> {
    await this.post(`/api/daemon/runtimes/${runtimeId}/requests/${requestId}/result`, report);
  }

  private async post(path: string, body: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${DAEMON}` };
    const response = await fetch(this.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
