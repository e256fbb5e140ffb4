// The questions that a runtime declares: a form for each, and its answer.
import type { DoorbellClient, JsonValue, Question, RequestRecord } from "doorbell-client";
import type { Args } from "./args.js";
import { element, freshId, isolated } from "./dom.js";
import { formView } from "./form_view.js";
import { Live } from "./live.js";
import { ProgressView } from "./progress.js";
import { formOf, type Form } from "./schema.js";
import { problemOf, type Problem } from "./states.js";
import { bounded, jsonText, objectOf, shorten } from "./text.js";
import { notice } from "./view.js";

/** A request waits for 30 s to be collected, and runs for up to its time limit. */
const COLLECT_MS = 40_000;
const DEFAULT_TIMEOUT_S = 60;

export interface QuestionsActions {
  client: Pick<DoorbellClient, "ask" | "cancel">;
  runtimeId: string;
  /** A question is being asked. */
  asked(): void;
  failed(problem: Problem): void;
}

/** The text of a program that prints plain text: its answer is `{"text": …}`. */
function plainText(result: JsonValue | undefined): string | undefined {
  const fields = objectOf(result);
  const text = fields && Object.keys(fields).length === 1 ? fields["text"] : undefined;
  return typeof text === "string" ? text : undefined;
}

class QuestionPanel {
  readonly element = element("div", { class: "question-panel", id: freshId("question") });
  readonly #progress = new ProgressView(() => this.#live?.cancel());
  readonly #outcome = element("div");
  readonly #declared: Form;
  #form: HTMLFormElement;
  #live: Live<RequestRecord> | undefined;

  constructor(
    private readonly question: Question,
    private readonly actions: QuestionsActions,
  ) {
    this.#declared = formOf(question.args_schema);
    this.#form = this.#made(this.#declared);
    this.element.append(this.#form, this.#progress.element, this.#outcome);
    this.element.hidden = true;
  }

  /** The form, with the way to the other one: a field holds one line, no null and nothing that the schema does not name; JSON does. */
  #made(form: Form): HTMLFormElement {
    const ask = (args: JsonValue | undefined): void => void this.#ask(args);
    const declared = this.#declared;
    if (declared.kind === "json" || declared.fields.length === 0) return formView(form, ask);
    if (form.kind === "json") return formView(form, ask, { label: "Fill in fields", show: () => this.#change(declared) });
    const show = (args: Args): void => this.#change({ kind: "json", initial: "args" in args ? JSON.stringify(args.args ?? {}, undefined, 2) : "{}" });
    return formView(form, ask, { label: "Write JSON", show });
  }

  #change(form: Form): void {
    const made = this.#made(form);
    this.#form.replaceWith(made);
    this.#form = made;
    made.querySelector<HTMLElement>("input, textarea, select")?.focus();
  }

  async #ask(args: JsonValue | undefined): Promise<void> {
    if (this.#live && !this.#live.steps.ended && !this.#live.isAborted) return;
    const live = new Live<RequestRecord>(this.actions.client, () => this.#progress.show(live));
    this.#live = live;
    this.#progress.show(live);
    const submit = this.#form.querySelector<HTMLElement>("[type=submit]");
    if (this.#outcome.contains(document.activeElement)) submit?.focus();
    submit?.setAttribute("aria-disabled", "true");
    this.#outcome.replaceChildren();
    this.actions.asked();
    const timeoutMs = COLLECT_MS + (this.question.timeout_s ?? DEFAULT_TIMEOUT_S) * 1_000;
    const { client, runtimeId } = this.actions;
    try {
      const options = args === undefined ? {} : { args };
      const record = await live.run((wait) => client.ask(runtimeId, this.question.name, { ...wait, ...options, timeoutMs }));
      if (!live.isAborted) this.#outcome.replaceChildren(answer(record));
    } catch (error) {
      if (live.isAborted) return;
      const problem = problemOf(error);
      this.#outcome.replaceChildren(notice(problem, () => this.#form.requestSubmit()));
      this.actions.failed(problem);
    }
    this.#live = undefined;
    submit?.removeAttribute("aria-disabled");
    this.#progress.show(live.isVisible ? live : undefined, false);
  }

  dispose(): void {
    this.#live?.abandon();
  }
}

function answer(record: RequestRecord): HTMLElement {
  const heading = element("h3", { id: freshId("answer") }, "Answer");
  const block = { class: "answer", tabindex: 0, dir: "auto", role: "group", "aria-labelledby": heading.id };
  const json = element("pre", block, jsonText(record.result ?? null));
  const text = plainText(record.result);
  const section = element("section", { "aria-labelledby": heading.id }, heading);
  if (text === undefined) section.append(json);
  else section.append(element("div", block, bounded(text)), element("details", {}, element("summary", {}, "As JSON"), json));
  return section;
}

export class QuestionsPanel {
  readonly element = element("section", { class: "card", "aria-labelledby": "questions-heading" });
  readonly #panels: QuestionPanel[] = [];
  readonly #collapse: (() => void)[] = [];
  #shown = "";

  constructor(private readonly actions: QuestionsActions) {
    this.element.hidden = true;
  }

  /** Shows the questions of a runtime. The same ones again leave forms and answers as they are. */
  show(questions: readonly Question[]): void {
    const key = JSON.stringify(questions);
    if (key === this.#shown) return;
    this.#shown = key;
    this.dispose();
    this.#panels.length = 0;
    this.#collapse.length = 0;
    const list = element("ul", { role: "list", class: "questions" }, ...questions.map((question) => this.#item(question)));
    this.element.replaceChildren(element("h2", { id: "questions-heading" }, "Questions"), list);
    this.element.hidden = questions.length === 0;
  }

  #item(question: Question): HTMLLIElement {
    const panel = new QuestionPanel(question, this.actions);
    this.#panels.push(panel);
    const open = element("button", { type: "button", class: "question", "aria-expanded": "false", "aria-controls": panel.element.id }, question.name);
    const description = element("p", { id: freshId("about"), class: "about" });
    if (question.description !== undefined) {
      description.append(isolated(shorten(question.description, 1_000)));
      open.setAttribute("aria-describedby", description.id);
    }
    const expand = (expanded: boolean): void => {
      panel.element.hidden = !expanded;
      open.setAttribute("aria-expanded", String(expanded));
    };
    this.#collapse.push(() => expand(false));
    open.addEventListener("click", () => {
      const expanded = panel.element.hidden;
      for (const collapse of this.#collapse) collapse();
      expand(expanded);
    });
    return element("li", {}, element("div", { class: "question-row" }, open, description), panel.element);
  }

  dispose(): void {
    for (const panel of this.#panels) panel.dispose();
  }
}
