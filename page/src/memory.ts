// What the page keeps while it is open: nothing of it is stored.
import type { ModelRecord, Runtime } from "doorbell-client";

/** Lists of more runtimes than a user looks at in a sitting; each may have 2,000 models. */
const MAX_LISTS = 20;

export interface Chosen {
  model: string;
  level?: string;
  tier?: string;
}

export class Memory {
  runtimes: Runtime[] | undefined;
  readonly #lists = new Map<string, ModelRecord>();
  readonly #chosen = new Map<string, Chosen>();

  runtime(id: string): Runtime | undefined {
    return this.runtimes?.find((runtime) => runtime.id === id);
  }

  list(runtimeId: string): ModelRecord | undefined {
    return this.#lists.get(runtimeId);
  }

  keepList(runtimeId: string, record: ModelRecord): void {
    keep(this.#lists, runtimeId, record);
  }

  chosen(runtimeId: string): Chosen | undefined {
    return this.#chosen.get(runtimeId);
  }

  choose(runtimeId: string, chosen: Chosen): void {
    keep(this.#chosen, runtimeId, chosen);
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > MAX_LISTS && oldest.done !== true) map.delete(oldest.value);
}
