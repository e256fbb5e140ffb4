// One request that is being answered: its steps, and how to cancel it.
import type { DoorbellClient } from "doorbell-client";
import { Steps, type StepRecord } from "./steps.js";

interface LiveRecord extends StepRecord {
  id: string;
  runtime_id: string;
}

interface WaitOptions<R> {
  signal: AbortSignal;
  onUpdate: (record: R) => void;
}

export class Live<R extends LiveRecord> {
  readonly steps = new Steps();
  readonly #abort = new AbortController();
  #record: R | undefined;
  #cancelWanted = false;
  /** Whether the request is being cancelled, or has been: records that are on their way do not cancel it again. */
  #cancelling = false;

  constructor(
    private readonly client: Pick<DoorbellClient, "cancel">,
    private readonly changed: () => void,
  ) {}

  /** The last record that was seen. */
  get record(): R | undefined {
    return this.#record;
  }

  get isAborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Whether a machine is being asked, or was: a cached answer has nothing to follow. */
  get isVisible(): boolean {
    return this.#record !== undefined && this.#record.cached !== true;
  }

  get isCancelling(): boolean {
    return this.#cancelWanted;
  }

  /** Makes the call that rings and waits. */
  async run(call: (options: WaitOptions<R>) => Promise<R>): Promise<R> {
    const onUpdate = (record: R): void => {
      this.#record = record;
      this.steps.observe(record);
      if (this.#cancelWanted && !this.steps.ended) void this.#cancel(record);
      this.changed();
    };
    return await call({ signal: this.#abort.signal, onUpdate });
  }

  /** Cancels the request, as soon as it has an id. The wait then ends with the record of a failure. */
  cancel(): void {
    if (this.#cancelWanted) return;
    this.#cancelWanted = true;
    if (this.#record && !this.steps.ended) void this.#cancel(this.#record);
    this.changed();
  }

  async #cancel(record: R): Promise<void> {
    if (this.#cancelling) return;
    this.#cancelling = true;
    try {
      await this.client.cancel(record.runtime_id, record.id, { signal: this.#abort.signal });
    } catch {
      // The wait goes on and shows how the request ends; the user may try again.
      this.#cancelling = false;
      this.#cancelWanted = false;
      this.changed();
    }
  }

  /** Ends the wait. The request itself goes on: other clients may wait for it, too. */
  abandon(): void {
    this.#abort.abort();
  }
}
