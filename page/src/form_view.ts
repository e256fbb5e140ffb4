// The form of a question on the page.
import type { JsonValue } from "doorbell-client";
import { argsOf, type Args } from "./args.js";
import { button, element, freshId, setAttribute } from "./dom.js";
import type { Field, Form } from "./schema.js";
import { shorten } from "./text.js";

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

interface Entry {
  name: string;
  control: Control;
  error: HTMLElement;
  value(): string | boolean;
}

/** Another way to write the args. */
export interface OtherForm {
  label: string;
  /** Gets what is filled in so far. */
  show(args: Args): void;
}

/** Calls `ask` with the args when the user has filled in the form without errors. */
export function formView(form: Form, ask: (args: JsonValue | undefined) => void, other?: OtherForm): HTMLFormElement {
  const entries: Entry[] = [];
  const read = (): Args => argsOf(form, new Map(entries.map((entry) => [entry.name, entry.value()])));
  const made = element("form", { class: "stack question-form" });
  made.noValidate = true;
  if (form.kind === "json") {
    const control = element("textarea", { rows: 5, spellcheck: "false", class: "code" });
    control.value = form.initial;
    made.append(row(entries, { name: "", label: "Arguments (JSON)", required: false }, control, () => control.value));
  } else {
    for (const field of form.fields) made.append(fieldRow(entries, field));
  }
  const submit = element("button", { type: "submit", class: "primary" }, "Ask");
  const change = other && button(other.label, () => other.show(read()), { class: "quiet" });
  made.append(element("div", { class: "actions" }, submit, change));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    const result = read();
    const errors = "errors" in result ? result.errors : new Map<string, string>();
    showErrors(entries, errors);
    if (!("errors" in result)) ask(result.args);
  });
  return made;
}

function showErrors(entries: readonly Entry[], errors: ReadonlyMap<string, string>): void {
  for (const { name, control, error } of entries) {
    error.textContent = errors.get(name) ?? "";
    error.hidden = !errors.has(name);
    setAttribute(control, "aria-invalid", errors.has(name) ? "true" : undefined);
  }
  entries.find((entry) => errors.has(entry.name))?.control.focus();
}

function fieldRow(entries: Entry[], field: Field): HTMLElement {
  switch (field.kind) {
    case "boolean": {
      const control = element("input", { type: "checkbox" });
      control.checked = field.initial;
      return row(entries, { ...field, required: false }, control, () => control.checked);
    }
    case "choice": {
      const control = element("select", {}, element("option", { value: "" }, field.required ? "Choose…" : ""));
      for (const [index, value] of field.values.entries()) {
        const label = typeof value === "string" ? value : JSON.stringify(value);
        control.append(element("option", { value: index, dir: "auto" }, shorten(label, 200)));
      }
      control.value = field.initial < 0 ? "" : String(field.initial);
      return row(entries, field, control, () => control.value);
    }
    case "lines": {
      const control = element("textarea", { rows: 4, spellcheck: "false", dir: "auto" });
      control.value = field.initial;
      return row(entries, field, control, () => control.value, "One a line.");
    }
    case "number": {
      // Not of the type "number", which hides from the page what is typed when it is no number.
      const control = element("input", { type: "text", inputmode: field.whole ? "numeric" : "decimal", autocomplete: "off" });
      control.value = field.initial;
      return row(entries, field, control, () => control.value, range(field));
    }
    case "text": {
      const control = element("input", { type: "text", autocomplete: "off", spellcheck: "false", dir: "auto" });
      control.value = field.initial;
      return row(entries, field, control, () => control.value, field.hint);
    }
  }
}

function range(field: Field & { kind: "number" }): string {
  const noun = field.whole ? "A whole number" : "A number";
  if (field.minimum !== undefined && field.maximum !== undefined) return `${noun} from ${field.minimum} to ${field.maximum}.`;
  if (field.minimum !== undefined) return `${noun} of at least ${field.minimum}.`;
  if (field.maximum !== undefined) return `${noun} of at most ${field.maximum}.`;
  return `${noun}.`;
}

interface Labels {
  name: string;
  label: string;
  description?: string;
  required: boolean;
}

function row(entries: Entry[], labels: Labels, control: Control, value: () => string | boolean, hint?: string): HTMLElement {
  const id = freshId("arg");
  control.id = id;
  control.required = labels.required;
  const label = element("label", { for: id, class: labels.required ? "required" : "", dir: "auto" }, labels.label);
  const help = [labels.description, hint].filter((text) => text !== undefined && text !== "").join(" ");
  const error = element("p", { id: `${id}-error`, class: "error" });
  error.hidden = true;
  entries.push({ name: labels.name, control, error, value });
  const described = help === "" ? undefined : element("p", { id: `${id}-help`, class: "hint", dir: "auto" }, help);
  control.setAttribute("aria-describedby", described ? `${id}-help ${id}-error` : `${id}-error`);
  const isBox = control instanceof HTMLInputElement && control.type === "checkbox";
  const head = isBox ? element("div", { class: "check" }, control, label) : label;
  return element("div", { class: "stack tight" }, head, described, isBox ? undefined : control, error);
}
