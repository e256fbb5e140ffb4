// A list of models to choose from: the listbox pattern of the ARIA Authoring Practices, with groups. The focus stays on the list;
// `aria-activedescendant` names the active option, so that a list may be replaced while it is used.
import type { Choice, Group } from "./catalog.js";
import { element, freshId, isolated } from "./dom.js";

/** Letters typed within this time are one word. */
const TYPING_MS = 700;
const PAGE = 10;

interface Row {
  choice: Choice;
  element: HTMLElement;
  group: HTMLElement;
}

export class Listbox {
  readonly element = element("div", { role: "listbox", "aria-label": "Models", tabindex: 0, class: "listbox" });
  #rows: Row[] = [];
  #shown: Row[] = [];
  #active: Row | undefined;
  #selected: Row | undefined;
  #typed = "";
  #typedAt = 0;

  constructor(private readonly chosen: (choice: Choice) => void) {
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focus", () => this.#activate(this.#active ?? this.#selected ?? this.#shown[0]));
    this.element.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      const row = this.#rows.find((candidate) => candidate.element === option);
      if (row) this.#choose(row);
    });
  }

  /** Shows these models, all of them until the next `filter`. */
  show(groups: readonly Group[]): void {
    const activeId = this.#active?.choice.id;
    this.#rows = [];
    this.#selected = undefined;
    const named = groups.length > 1 || (groups[0] !== undefined && groups[0].provider !== "Other");
    this.element.replaceChildren(...groups.map((group) => this.#group(group, named)));
    this.#shown = this.#rows;
    this.#active = undefined;
    this.#activate(this.#rows.find((row) => row.choice.id === activeId));
  }

  #group(group: Group, named: boolean): HTMLElement {
    const made = element("div", { role: "group", "aria-label": group.provider });
    if (named) made.append(element("div", { class: "group-name", "aria-hidden": "true" }, isolated(group.provider)));
    for (const choice of group.choices) {
      const label = isolated(choice.label, { class: "label" });
      const option = element("div", { role: "option", id: freshId("model"), "aria-selected": "false", title: choice.label }, label);
      if (choice.isDefault) option.append(" ", element("span", { class: "badge" }, "default"));
      made.append(option);
      this.#rows.push({ choice, element: option, group: made });
    }
    return made;
  }

  /** Shows only the models that match. Returns how many. */
  filter(matches: (choice: Choice) => boolean): number {
    const groups = new Set<HTMLElement>();
    this.#shown = [];
    for (const row of this.#rows) {
      const shown = matches(row.choice);
      if (row.element.hidden === shown) row.element.hidden = !shown;
      if (!shown) continue;
      this.#shown.push(row);
      groups.add(row.group);
    }
    for (const group of this.element.children) (group as HTMLElement).hidden = !groups.has(group as HTMLElement);
    if (!this.#active || this.#active.element.hidden) this.#activate(undefined);
    return this.#shown.length;
  }

  /** Marks the chosen model, without a call of `chosen`. */
  select(choice: Choice | undefined): void {
    const row = choice && this.#rows.find((candidate) => candidate.choice === choice);
    this.#selected?.element.setAttribute("aria-selected", "false");
    this.#selected = row;
    row?.element.setAttribute("aria-selected", "true");
  }

  /** Chooses the first model that is shown. */
  chooseFirst(): void {
    if (this.#shown[0]) this.#choose(this.#shown[0]);
  }

  #choose(row: Row): void {
    this.#activate(row);
    if (this.#selected === row) return;
    this.select(row.choice);
    this.chosen(row.choice);
  }

  #activate(row: Row | undefined): void {
    this.#active?.element.classList.remove("active");
    this.#active = row;
    if (!row) {
      this.element.removeAttribute("aria-activedescendant");
      return;
    }
    row.element.classList.add("active");
    this.element.setAttribute("aria-activedescendant", row.element.id);
    if (this.element.ownerDocument.activeElement === this.element) row.element.scrollIntoView({ block: "nearest" });
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = this.#target(event.key);
    if (!row) return;
    event.preventDefault();
    this.#choose(row);
  }

  /** The row that a key leads to. */
  #target(key: string): Row | undefined {
    const last = this.#shown.length - 1;
    const at = this.#active ? this.#shown.indexOf(this.#active) : -1;
    const row = (index: number): Row | undefined => this.#shown[Math.max(0, Math.min(last, index))];
    const typing = Date.now() - this.#typedAt < TYPING_MS && this.#typed !== "";
    switch (key) {
      case "ArrowDown":
        return row(at + 1);
      case "ArrowUp":
        return row(at - 1);
      case "PageDown":
        return row(at + PAGE);
      case "PageUp":
        return row(at - PAGE);
      case "Home":
        return row(0);
      case "End":
        return row(last);
      case "Enter":
        return row(at);
      case " ":
        return typing ? this.#typeAhead(key, at) : row(at);
      default:
        return [...key].length === 1 ? this.#typeAhead(key, at) : undefined;
    }
  }

  /** The next row whose label begins with what was typed; one letter again and again goes through the rows that begin with it. */
  #typeAhead(key: string, at: number): Row | undefined {
    const now = Date.now();
    const letter = key.toLowerCase();
    const typed = now - this.#typedAt < TYPING_MS ? this.#typed + letter : letter;
    this.#typed = typed;
    this.#typedAt = now;
    const repeated = [...typed].every((other) => other === letter);
    const start = repeated ? at + 1 : Math.max(at, 0);
    const order = [...this.#shown.slice(start), ...this.#shown.slice(0, start)];
    const prefix = repeated ? letter : typed;
    return order.find((row) => row.choice.label.toLowerCase().startsWith(prefix));
  }
}
