// One runtime: what it is, its models and its questions.
import type { DoorbellClient, Runtime } from "doorbell-client";
import { element, everySecond, isolated, setText } from "./dom.js";
import type { Memory } from "./memory.js";
import { ModelsPanel } from "./models_panel.js";
import { QuestionsPanel } from "./questions.js";
import { facts, lastSeen } from "./runtimes.js";
import type { Problem } from "./states.js";
import { plain } from "./text.js";
import { headingElement, type View } from "./view.js";

export interface PickerActions {
  client: DoorbellClient;
  memory: Memory;
  now(): number;
  /** Loads the runtimes into the memory. */
  loadRuntimes(signal: AbortSignal): Promise<unknown>;
  failed(problem: Problem): void;
  /** Gets the runtime's name when it is loaded. */
  titled(title: string): void;
}

export function pickerView(runtimeId: string, actions: PickerActions): View {
  const { client, memory } = actions;
  const end = new AbortController();
  const heading = headingElement("Runtime");
  const about = element("p", { class: "about-runtime" });
  const models = new ModelsPanel(runtimeId, actions);
  const questions = new QuestionsPanel({ client, runtimeId, asked: () => models.forgetProgress(), failed: actions.failed });
  const back = element("a", { href: "#/", class: "back" }, "Runtimes");
  const nav = element("nav", { "aria-label": "Back" }, back);
  const view = element("div", { class: "wide-view" }, nav, heading, about, models.element, questions.element);
  let seen: Element | undefined;

  const show = (runtime: Runtime): void => {
    heading.replaceChildren(isolated(runtime.name));
    const { device, version } = facts(runtime);
    seen = element("span", { class: "fact" });
    const badge = element("span", { class: `badge ${runtime.status}` }, runtime.status);
    about.replaceChildren(badge, " ", isolated(device, { class: "fact" }), " ", isolated(version, { class: "fact" }), " ", seen);
    setText(seen, lastSeen(runtime, actions.now()));
    questions.show(runtime.questions ?? []);
    actions.titled(plain(runtime.name));
  };
  const known = memory.runtime(runtimeId);
  if (known) show(known);
  const load = async (): Promise<void> => {
    try {
      await actions.loadRuntimes(end.signal);
    } catch {
      // The call for the models fails, too, and shows what is wrong.
      return;
    }
    const runtime = memory.runtime(runtimeId);
    if (runtime && !end.signal.aborted) show(runtime);
  };
  void load();
  everySecond(view, () => {
    const runtime = memory.runtime(runtimeId);
    if (seen && runtime) setText(seen, lastSeen(runtime, actions.now()));
  });
  const dispose = (): void => {
    end.abort();
    models.dispose();
    questions.dispose();
  };
  return { element: view, heading, title: plain(known?.name ?? "Runtime"), dispose };
}
