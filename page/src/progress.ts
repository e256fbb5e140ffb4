// The steps of a live request on the page, with times and the button "Cancel".
import { duration } from "./age.js";
import { button, element, setAttribute, setText, timeElement } from "./dom.js";
import type { Step, Steps } from "./steps.js";
import { shorten } from "./text.js";

/** What the view needs of a live request. */
interface Followed {
  steps: Steps;
  isCancelling: boolean;
}

const LONGEST_PROGRESS = 4_096;

export class ProgressView {
  readonly element: HTMLElement;
  readonly #list = element("ol", { role: "list", "aria-label": "Progress", class: "steps", tabindex: -1 });
  readonly #output = element("pre", { class: "progress-text", tabindex: 0, "aria-label": "Progress of the program", role: "group" });
  readonly #cancel: HTMLButtonElement;
  #shown = "";

  constructor(cancel: () => void) {
    this.#cancel = button("Cancel", cancel);
    this.element = element("div", { class: "progress" }, this.#list, this.#output, this.#cancel);
    this.show(undefined);
  }

  /** Shows the request, or nothing. `asking` is a request that has not been answered with a record yet. */
  show(live: Followed | undefined, asking = true): void {
    this.element.hidden = live === undefined;
    if (!live) return;
    const steps = live.steps.list();
    const shown = JSON.stringify(steps);
    if (shown !== this.#shown) this.#list.replaceChildren(...steps.map((step, index) => item(step, lastTime(steps.slice(0, index)))));
    this.#shown = shown;
    const progress = live.steps.progress;
    this.#output.hidden = progress === undefined;
    if (progress !== undefined) {
      setText(this.#output, shorten(typeof progress === "string" ? progress : JSON.stringify(progress, undefined, 1), LONGEST_PROGRESS));
    }
    const ended = live.steps.ended || !asking;
    if (ended && document.activeElement === this.#cancel) this.#list.focus();
    this.#cancel.hidden = ended;
    // Not "disabled", which would take the focus away.
    setAttribute(this.#cancel, "aria-disabled", live.isCancelling ? "true" : undefined);
    setText(this.#cancel, live.isCancelling ? "Cancelling…" : "Cancel");
  }
}

/** When the last of these steps was reached whose time is known. */
function lastTime(steps: readonly Step[]): number | undefined {
  return steps.reduce<number | undefined>((last, step) => step.at ?? last, undefined);
}

function item(step: Step, before: number | undefined): HTMLLIElement {
  const made = element("li", { class: step.state, "aria-current": step.state === "current" ? "step" : undefined });
  made.append(element("span", { class: "step" }, step.name));
  if (step.at === undefined) return made;
  const date = new Date(step.at);
  const clock = date.toLocaleTimeString([], { hour12: false });
  made.append(" ", timeElement(step.at, clock));
  if (before !== undefined) made.append(" ", element("span", { class: "delta" }, `+${duration(step.at - before)}`));
  return made;
}
