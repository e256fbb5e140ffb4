// What fills the page below its top bar.
import { button, element } from "./dom.js";
import type { Problem } from "./states.js";

export interface View {
  element: HTMLElement;
  /** Gets the focus when the view is opened. */
  heading: HTMLElement;
  /** For the title of the window. */
  title: string;
  /** Ends what waits and ticks. */
  dispose(): void;
}

export function headingElement(...children: (Node | string)[]): HTMLHeadingElement {
  return element("h1", { tabindex: -1 }, ...children);
}

/** A problem as a text with the button "Try again" if that may help. */
export function notice(problem: Problem, retry: () => void): HTMLElement {
  const text = element("p", { role: problem.role, dir: "auto" }, problem.text);
  // A status without a remedy is a wait, which is most often too short to be shown.
  const kind = problem.role === "alert" ? "notice bad" : problem.retry ? "notice" : "notice wait";
  if (problem.gone === true) return element("div", { class: kind }, text, element("a", { href: "#/" }, "Show all runtimes"));
  return element("div", { class: kind }, text, problem.retry ? button("Try again", retry) : undefined);
}
