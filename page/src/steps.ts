// The steps of a live request, from the records that its polls showed.

export interface StepRecord {
  status: string;
  created_at: string;
  updated_at: string;
  cached?: boolean;
  progress?: unknown;
  error?: string;
}

export interface Step {
  name: "Rung" | "Collected" | "Answered";
  state: "done" | "current" | "open";
  /** When it was reached, in ms. A step between two polls was reached at a time that no record shows. */
  at?: number;
}

export class Steps {
  #rung: number | undefined;
  #collected: number | undefined;
  #answered: number | undefined;
  #ended = false;
  #wasCollected = false;
  #progress: unknown;

  /** Takes the next record. A cached answer has no steps: no machine was asked. */
  observe(record: StepRecord): void {
    if (record.cached === true) return;
    this.#rung ??= Date.parse(record.created_at);
    const updated = Date.parse(record.updated_at);
    this.#progress = record.progress;
    switch (record.status) {
      case "running":
        this.#wasCollected = true;
        this.#collected ??= updated;
        break;
      case "completed":
      case "failed":
        this.#ended = true;
        if (record.error === "cancelled") break;
        this.#wasCollected = true;
        this.#answered = updated;
        break;
      case "timeout":
        this.#ended = true;
        break;
      default:
        break;
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What the program printed last about its progress. */
  get progress(): unknown {
    return this.#progress;
  }

  list(): Step[] {
    const rung = this.#rung !== undefined;
    const answered = this.#answered !== undefined;
    const state = (reached: boolean, previous: boolean): Step["state"] =>
      reached ? "done" : previous && !this.#ended ? "current" : "open";
    const step = (name: Step["name"], reached: boolean, previous: boolean, at: number | undefined): Step => ({
      name,
      state: state(reached, previous),
      ...(at === undefined ? {} : { at }),
    });
    return [
      step("Rung", rung, true, this.#rung),
      step("Collected", this.#wasCollected, rung, this.#collected),
      step("Answered", answered, this.#wasCollected, this.#answered),
    ];
  }
}
