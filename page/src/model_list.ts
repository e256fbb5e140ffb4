// The models of one runtime: the last list, its age, and the requests that renew it.
import type { DoorbellClient, ModelRecord } from "doorbell-client";
import { STALE_AFTER_MS } from "./age.js";
import { Live } from "./live.js";
import { problemOf, type Problem } from "./states.js";

/** A stale list is refreshed behind its answer. Looks for the new one are few: while refreshes fail, each starts the agent program again. */
const LOOK_PAUSES_MS = [3_000, 12_000, 30_000];
/** The longest time that all looks take. */
const FOLLOW_MS = 60_000;

export type ModelClient = Pick<DoorbellClient, "models" | "cancel">;

export class ModelList {
  /** The last list. It stays while a newer one is asked for, and if that fails. */
  record: ModelRecord | undefined;
  problem: Problem | undefined;
  /** The request that is being answered, or was last. */
  live: Live<ModelRecord> | undefined;
  /** Whether a call is being made for the user. */
  loading = false;
  /** Whether the server renews the list behind its answer. */
  refreshing = false;
  #follow: AbortController | undefined;

  constructor(
    private readonly client: ModelClient,
    readonly runtimeId: string,
    private readonly now: () => number,
    private readonly changed: () => void,
    remembered?: ModelRecord,
  ) {
    this.record = remembered;
  }

  /** When the list was made, in ms. */
  get listedAt(): number | undefined {
    return this.record && Date.parse(this.record.cached_at ?? this.record.updated_at);
  }

  /** Asks for the list: from the server's cache if it has one, or with `refresh` from the machine. */
  async load(refresh = false): Promise<void> {
    this.dispose();
    const live = new Live<ModelRecord>(this.client, () => this.#show(live));
    this.live = live;
    this.loading = true;
    this.problem = undefined;
    this.changed();
    try {
      const record = await live.run((options) => this.client.models(this.runtimeId, { ...options, refresh }));
      if (live.isAborted) return;
      this.loading = false;
      this.#take(record);
    } catch (error) {
      if (live.isAborted) return;
      this.loading = false;
      this.problem = problemOf(error);
    }
    this.changed();
  }

  #show(live: Live<ModelRecord>): void {
    if (this.live === live && !live.isAborted) this.changed();
  }

  #take(record: ModelRecord): void {
    this.record = record;
    if (record.cached !== true || record.cached_at === undefined) return;
    if (this.now() - Date.parse(record.cached_at) >= STALE_AFTER_MS) void this.#followUp(record.cached_at);
  }

  /** Looks for the list that the server's background request brings. */
  async #followUp(cachedAt: string): Promise<void> {
    const follow = new AbortController();
    this.#follow = follow;
    this.refreshing = true;
    const end = this.now() + FOLLOW_MS;
    try {
      for (const pause of LOOK_PAUSES_MS) {
        if (this.now() + pause >= end || this.record?.cached_at !== cachedAt) break;
        await sleep(pause, follow.signal);
        if (follow.signal.aborted) return;
        const timeoutMs = Math.max(1_000, end - this.now());
        const record = await this.client.models(this.runtimeId, { signal: follow.signal, timeoutMs });
        if (follow.signal.aborted) return;
        if (record.cached_at !== cachedAt) this.record = record;
      }
    } catch {
      // The list is still good. The next call of the user shows what is wrong.
    }
    if (follow.signal.aborted) return;
    this.refreshing = false;
    this.changed();
  }

  cancel(): void {
    this.live?.cancel();
  }

  /** Ends what waits. */
  dispose(): void {
    this.live?.abandon();
    this.#follow?.abort();
    this.refreshing = false;
    this.loading = false;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
