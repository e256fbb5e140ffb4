// The list of runtimes.
import type { Runtime } from "doorbell-client";
import { ago } from "./age.js";
import { button, element, everySecond, isolated, setText } from "./dom.js";
import { problemOf, type Problem } from "./states.js";
import { headingElement, notice, type View } from "./view.js";

/** More are not shown: a list of this length is not read, and the search finds the others. */
const MAX_SHOWN = 500;
/** A shorter list is read faster than searched. */
const SEARCH_FROM = 13;

export interface RuntimesActions {
  remembered: readonly Runtime[] | undefined;
  now(): number;
  load(signal: AbortSignal): Promise<Runtime[]>;
  open(runtime: Runtime): void;
  failed(problem: Problem): void;
}

/** Online ones first, each part by name. */
export function sorted(runtimes: readonly Runtime[]): Runtime[] {
  const rank = (runtime: Runtime): number => (runtime.status === "online" ? 0 : 1);
  return [...runtimes].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }) || a.id.localeCompare(b.id));
}

/** What is known of a runtime besides its name, such as "my-laptop", "codex 0.169.0". */
export function facts(runtime: Runtime): { device: string; version: string } {
  const version = runtime.metadata?.version;
  return {
    device: runtime.device_info ?? runtime.daemon_id,
    version: version === undefined ? runtime.provider : `${runtime.provider} ${version}`,
  };
}

export function lastSeen(runtime: Runtime, now: number): string {
  return `seen ${ago(Date.parse(runtime.last_seen_at), now)}`;
}

export function runtimesView(actions: RuntimesActions): View {
  const heading = headingElement("Runtimes");
  const list = element("ul", { role: "list", "aria-label": "Runtimes", class: "runtimes" });
  const state = element("div");
  const search = element("input", { type: "search", "aria-label": "Search runtimes", placeholder: "Search runtimes", class: "search" });
  search.hidden = true;
  const more = element("p", { class: "hint" });
  const reload = button("Reload runtimes", () => {
    if (reload.getAttribute("aria-disabled") !== "true") void load();
  });
  const toolbar = element("div", { class: "title-row" }, heading, reload);
  const view = element("div", { class: "wide-view" }, toolbar, search, state, list, more);
  let runtimes = actions.remembered ?? [];
  let call = new AbortController();
  let seen: { runtime: Runtime; text: Element }[] = [];

  const row = (runtime: Runtime): HTMLLIElement => {
    const { device, version } = facts(runtime);
    const text = element("span", { class: "fact seen" });
    seen.push({ runtime, text });
    const open = element(
      "button",
      { type: "button", class: "runtime" },
      isolated(runtime.name, { class: "name", title: runtime.name }),
      " ",
      element("span", { class: `badge ${runtime.status}` }, runtime.status),
      " ",
      isolated(device, { class: "fact", title: device }),
      " ",
      isolated(version, { class: "fact", title: version }),
      " ",
      text,
    );
    open.addEventListener("click", () => actions.open(runtime));
    return element("li", {}, open);
  };
  const tick = (): void => {
    for (const { runtime, text } of seen) setText(text, lastSeen(runtime, actions.now()));
  };
  const render = (): void => {
    search.hidden = runtimes.length < SEARCH_FROM;
    const words = search.hidden ? [] : search.value.toLowerCase().split(/\s+/);
    const matches = sorted(runtimes).filter((runtime) => {
      const { device, version } = facts(runtime);
      const text = `${runtime.name}\n${device}\n${version}\n${runtime.status}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    seen = [];
    list.replaceChildren(...matches.slice(0, MAX_SHOWN).map(row));
    list.hidden = matches.length === 0;
    const rest = matches.length - MAX_SHOWN;
    setText(more, rest > 0 ? `${rest} more match: search for a part of the name.` : matches.length === 0 && runtimes.length > 0 ? "No runtime matches." : "");
    tick();
  };
  const load = async (): Promise<void> => {
    call.abort();
    const current = new AbortController();
    call = current;
    list.setAttribute("aria-busy", "true");
    // Not "disabled", which would take the focus away.
    reload.setAttribute("aria-disabled", "true");
    if (state.contains(document.activeElement)) reload.focus();
    if (runtimes.length === 0) state.replaceChildren(element("p", { role: "status", class: "hint wait" }, "Loading the runtimes…"));
    try {
      runtimes = await actions.load(current.signal);
      const empty = element("p", { role: "status", class: "notice" }, "No runtime is registered.");
      state.replaceChildren(...(runtimes.length === 0 ? [empty] : []));
      render();
    } catch (error) {
      if (current.signal.aborted) return;
      const problem = problemOf(error);
      state.replaceChildren(notice(problem, () => void load()));
      actions.failed(problem);
    }
    list.removeAttribute("aria-busy");
    reload.setAttribute("aria-disabled", "false");
  };
  search.addEventListener("input", render);
  render();
  everySecond(view, tick);
  void load();
  return { element: view, heading, title: "Runtimes", dispose: () => call.abort() };
}
