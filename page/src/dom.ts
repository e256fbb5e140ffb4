// Elements, made without markup: every text becomes a text node, whatever it contains.

export type Child = Node | string | undefined;

/** Attributes; `true` sets an empty one, `false` and `undefined` leave it out. */
export type Attributes = Record<string, string | number | boolean | undefined>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  for (const child of children) if (child !== undefined) made.append(child);
  return made;
}

export function setAttribute(target: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : String(value));
}

export function button(label: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", click);
  return made;
}

/** A text from a machine: its direction does not reach what is around it. */
export function isolated(text: string, attributes: Attributes = {}): HTMLElement {
  return element("bdi", attributes, text);
}

/** A time, with the full one in its tooltip. */
export function timeElement(ms: number, text: string): HTMLTimeElement {
  const date = new Date(ms);
  return element("time", { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}

/** Sets a text if it has changed, so that a screen reader does not read the same again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Calls `tick` every second until `owner` has left the document. */
export function everySecond(owner: Element, tick: () => void): void {
  const timer = setInterval(() => {
    if (owner.isConnected) tick();
    else clearInterval(timer);
  }, 1_000);
}

let ids = 0;

/** An id that no other element has. */
export function freshId(prefix: string): string {
  ids += 1;
  return `${prefix}-${ids}`;
}
