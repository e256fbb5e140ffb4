/** A clock for one test file whose tests run one after the other, because timers are global. */

import type { TestContext } from "node:test";
import { type ClientOptions, DoorbellClient } from "doorbell-client";
import { recordOf } from "./server.js";

/** How often the clock moves. */
const STEP_MS = 10;

/** The answer of one call: what, and after how many milliseconds. */
export interface Scripted {
  after?: number;
  status?: number;
  body?: object;
  headers?: Record<string, string>;
}

/** A record with this status, after this many milliseconds. */
export function answer(status: string, after = 0): Scripted {
  return { body: recordOf(status), after };
}

/** The timers and the clock of a test, and a server that only exists in it. */
export class VirtualTime {
  #now = 0;
  /** The time and the `wait` of each call. */
  readonly calls: { at: number; hold: string | null }[] = [];

  constructor(context: TestContext) {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    context.mock.method(performance, "now", () => this.#now);
    // No jitter.
    context.mock.method(Math, "random", () => 0);
    this.#tick = (milliseconds) => context.mock.timers.tick(milliseconds);
  }

  readonly #tick: (milliseconds: number) => void;

  /** A client whose calls are answered in this way; the last answer is repeated. */
  client(answers: [Scripted, ...Scripted[]], options: Partial<ClientOptions> = {}): DoorbellClient {
    const respond: typeof fetch = async (input) => {
      const scripted = answers[Math.min(this.calls.length, answers.length - 1)] ?? {};
      this.calls.push({ at: this.#now, hold: new URL(String(input)).searchParams.get("wait") });
      if (scripted.after) await new Promise((resolve) => setTimeout(resolve, scripted.after));
      return Response.json(scripted.body ?? {}, { status: scripted.status ?? 200, headers: scripted.headers ?? {} });
    };
    return new DoorbellClient({ url: "http://doorbell.example.com", token: "dbu_example", fetch: respond, ...options });
  }

  /** The result of `work`, and the time that it took. */
  async run<T>(work: Promise<T>): Promise<{ value?: T; error?: unknown; took: number }> {
    const start = this.#now;
    let ended: { value?: T; error?: unknown } | undefined;
    work.then(
      (value) => (ended = { value }),
      (error: unknown) => (ended = { error }),
    );
    for (;;) {
      // Twice: what is ready runs before the clock moves.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (ended !== undefined) return { ...ended, took: this.#now - start };
      this.#now += STEP_MS;
      this.#tick(STEP_MS);
    }
  }

  /** The time between each call and the next. */
  get pauses(): number[] {
    return this.calls.slice(1).map(({ at }, call) => at - (this.calls[call]?.at ?? 0));
  }
}
