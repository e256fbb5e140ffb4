// The chosen model with its thinking levels and service tiers.
import type { Choice, Option } from "./catalog.js";
import { element, freshId, isolated } from "./dom.js";
import type { Chosen } from "./memory.js";

export class ChoicePanel {
  readonly element: HTMLElement;
  readonly #status = element("p", { role: "status", class: "selected" });
  readonly #details = element("div", { class: "stack" });
  #current: Choice | undefined;
  #level: Select | undefined;
  #tier: Select | undefined;

  constructor(private readonly changed: (chosen: Chosen) => void) {
    this.element = element("div", { class: "choice", role: "group", "aria-label": "Selected model" }, this.#status, this.#details);
    this.show(undefined);
  }

  get current(): Choice | undefined {
    return this.#current;
  }

  /** Shows a model, with the level and tier that were chosen for it before. */
  show(choice: Choice | undefined, before?: Chosen): void {
    this.#current = choice;
    if (!choice) {
      this.#level = this.#tier = undefined;
      this.#status.replaceChildren("No model selected.");
      this.#details.replaceChildren();
      return;
    }
    const same = before?.model === choice.id ? before : undefined;
    const standard = { value: "", label: "Default" };
    const levels = choice.defaultLevel === undefined ? [standard, ...choice.levels] : choice.levels;
    this.#level = choice.levels.length === 0 ? undefined : new Select("Thinking level", levels, same?.level ?? choice.defaultLevel, () => this.#update());
    this.#tier = choice.tiers.length === 0 ? undefined : new Select("Service tier", [standard, ...choice.tiers], same?.tier, () => this.#update());
    const facts = element("dl", { class: "facts" }, ...fact("Id", choice.id, "code"), ...fact("Provider", choice.provider));
    this.#details.replaceChildren(facts, ...[this.#level, this.#tier].flatMap((select) => (select ? [select.element] : [])));
    this.#update();
  }

  #update(): void {
    const choice = this.#current;
    if (!choice) return;
    const parts = [this.#level, this.#tier].flatMap((select) => (select && select.value !== "" ? [select.label] : []));
    const rest = parts.flatMap((label) => [" · ", isolated(label)]);
    this.#status.replaceChildren("Selected: ", isolated(choice.label, { class: "label", title: choice.label }), ...rest);
    this.changed({
      model: choice.id,
      ...(this.#level ? { level: this.#level.value } : {}),
      ...(this.#tier ? { tier: this.#tier.value } : {}),
    });
  }
}

function fact(name: string, value: string, kind = ""): HTMLElement[] {
  return [element("dt", {}, name), element("dd", { class: kind }, isolated(value, { title: value }))];
}

/** A labelled choice with the description of the chosen option below it. */
class Select {
  readonly element: HTMLElement;
  readonly #select: HTMLSelectElement;
  readonly #description: HTMLElement;

  constructor(
    name: string,
    private readonly options: readonly Option[],
    selected: string | undefined,
    changed: () => void,
  ) {
    const id = freshId("select");
    this.#description = element("p", { class: "hint", id: `${id}-description`, dir: "auto" });
    this.#select = element("select", { id, "aria-describedby": `${id}-description` });
    for (const option of options) this.#select.append(element("option", { value: option.value, dir: "auto" }, option.label));
    if (selected !== undefined && options.some((option) => option.value === selected)) this.#select.value = selected;
    this.#select.addEventListener("change", () => {
      this.#describe();
      changed();
    });
    this.#describe();
    this.element = element("div", { class: "stack tight" }, element("label", { for: id }, name), this.#select, this.#description);
  }

  get value(): string {
    return this.#select.value;
  }

  get label(): string {
    return this.#option?.label ?? "";
  }

  get #option(): Option | undefined {
    return this.options.find((option) => option.value === this.#select.value);
  }

  #describe(): void {
    this.#description.textContent = this.#option?.description ?? "";
    this.#description.hidden = this.#description.textContent === "";
  }
}
