// The models of a runtime: search, list, age, progress, and the model that is chosen.
import { groupsOf, initialChoice, matcher, type Choice, type Group } from "./catalog.js";
import { ChoicePanel } from "./choice_panel.js";
import { listed } from "./age.js";
import { button, element, everySecond, setText } from "./dom.js";
import { Listbox } from "./listbox.js";
import type { Memory } from "./memory.js";
import { ModelList, type ModelClient } from "./model_list.js";
import { ProgressView } from "./progress.js";
import type { Problem } from "./states.js";
import { notice } from "./view.js";

/** A list of so few models takes no more space than it needs. A longer one keeps its height while it is searched. */
const SHORT = 8;

export interface ModelsActions {
  client: ModelClient;
  memory: Memory;
  now(): number;
  failed(problem: Problem): void;
}

export class ModelsPanel {
  readonly element: HTMLElement;
  readonly #list: ModelList;
  readonly #search = element("input", { type: "search", "aria-label": "Search models", placeholder: "Search models", class: "search" });
  readonly #refresh = button("Refresh", () => this.#reload(true));
  readonly #age = element("p", { role: "status", class: "age" });
  readonly #count = element("p", { role: "status", class: "age count" });
  readonly #state = element("div");
  readonly #notes = element("div");
  readonly #listbox: Listbox;
  readonly #choice: ChoicePanel;
  readonly #progress: ProgressView;
  readonly #columns: HTMLElement;
  #groups: Group[] = [];
  #shown: object | undefined;
  #reported: Problem | undefined;

  constructor(
    private readonly runtimeId: string,
    private readonly actions: ModelsActions,
  ) {
    const { client, memory } = actions;
    this.#list = new ModelList(client, runtimeId, () => actions.now(), () => this.#render(), memory.list(runtimeId));
    this.#listbox = new Listbox((choice) => this.#choose(choice));
    this.#choice = new ChoicePanel((chosen) => memory.choose(runtimeId, chosen));
    this.#progress = new ProgressView(() => this.#list.cancel());
    this.#columns = element("div", { class: "columns" }, this.#listbox.element, this.#choice.element);
    this.#search.addEventListener("input", () => this.#filter());
    this.#search.addEventListener("keydown", (event) => this.#searchKey(event));
    const heading = element("h2", { id: "models-heading" }, "Models");
    const top = element("div", { class: "title-row" }, heading, this.#age, this.#refresh);
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "models-heading" },
      top,
      this.#state,
      this.#progress.element,
      this.#notes,
      element("div", { class: "search-row" }, this.#search, this.#count),
      this.#columns,
    );
    everySecond(this.element, () => this.#tick());
    this.#render();
    void this.#list.load();
  }

  #reload(refresh: boolean): void {
    if (!this.#list.loading) void this.#list.load(refresh);
  }

  #searchKey(event: KeyboardEvent): void {
    if (event.key === "Enter") this.#listbox.chooseFirst();
    else if (event.key === "ArrowDown") this.#listbox.element.focus();
    else return;
    event.preventDefault();
  }

  #choose(choice: Choice): void {
    this.#choice.show(choice);
  }

  #filter(): void {
    const total = this.#groups.reduce((sum, group) => sum + group.choices.length, 0);
    const matches = this.#listbox.filter(matcher(this.#search.value));
    const text = matches === total ? `${total}` : `${matches} of ${total}`;
    setText(this.#count, matches === 0 ? "No model matches." : `${text} ${total === 1 ? "model" : "models"}`);
  }

  /** Shows the age. Time that passes is not worth an announcement of a screen reader; a new list is. */
  #tick(announced = false): void {
    const { listedAt, refreshing, record, loading, live } = this.#list;
    const renewing = refreshing || (loading && live?.isVisible === true);
    this.#age.setAttribute("aria-live", announced ? "polite" : "off");
    setText(this.#age, record && listedAt !== undefined ? listed(listedAt, this.actions.now(), renewing) : "");
  }

  #render(): void {
    const { record, problem, live, loading } = this.#list;
    this.#tick(true);
    if (record && record !== this.#shown) {
      this.#shown = record;
      this.actions.memory.keepList(this.runtimeId, record);
      this.#showModels();
    }
    const hasModels = this.#groups.length > 0;
    this.#columns.hidden = !hasModels;
    if (this.#search.parentElement) this.#search.parentElement.hidden = !hasModels;
    this.#showNotes();
    this.#progress.show(live?.isVisible === true ? live : undefined, loading);
    this.#refresh.setAttribute("aria-disabled", String(loading));
    this.#showState();
    if (problem && problem !== this.#reported) this.actions.failed(problem);
    this.#reported = problem;
  }

  #showModels(): void {
    const before = this.#choice.current?.id ?? this.actions.memory.chosen(this.runtimeId)?.model;
    this.#listbox.element.classList.toggle("short", (this.#list.record?.models ?? []).length <= SHORT);
    this.#groups = this.#list.record?.supported === false ? [] : groupsOf(this.#list.record?.models ?? []);
    this.#listbox.show(this.#groups);
    const choice = initialChoice(this.#groups, before);
    this.#listbox.select(choice);
    this.#choice.show(choice, this.actions.memory.chosen(this.runtimeId));
    this.#filter();
  }

  #showNotes(): void {
    const record = this.#list.record;
    let text: string | undefined;
    if (record?.supported === false) text = "Managed by this runtime.";
    else if (record?.fallback === true) text = "This list is a fallback: the runtime could not get its own.";
    if ((this.#notes.textContent ?? "") === (text ?? "")) return;
    this.#notes.replaceChildren(...(text === undefined ? [] : [element("p", { role: "note", class: "notice" }, text)]));
  }

  #showState(): void {
    const { record, problem, loading } = this.#list;
    const retry = (): void => this.#reload(false);
    const isEmpty = record?.status === "completed" && record.supported && (record.models ?? []).length === 0;
    let state: Problem | undefined = problem;
    if (!state && loading && !record) state = { text: "Asking for the models…", role: "status", retry: false };
    if (!state && !loading && isEmpty) state = { text: "The runtime has no models.", role: "status", retry: true };
    const key = state === undefined ? "" : JSON.stringify(state);
    if (this.#state.dataset["key"] === key) return;
    this.#state.dataset["key"] = key;
    if (this.#state.contains(document.activeElement)) this.#refresh.focus();
    this.#state.replaceChildren(...(state ? [notice(state, retry)] : []));
  }

  /** Hides the steps of a request that has ended: those of a newer one are of more interest. */
  forgetProgress(): void {
    if (!this.#list.loading) this.#list.live = undefined;
    this.#render();
  }

  dispose(): void {
    this.#list.dispose();
  }
}
