// Text from machines. It is shown as text only; these helpers keep it short and keep it from acting on its surroundings.

// Control characters, and the marks that change the direction of text around them (Unicode Standard Annex 9).
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** An answer may have 1 MB; a browser lays out this much without a pause. */
const MAX_SHOWN = 100_000;
/** The longest JSON that is indented. */
const MAX_INDENTED = 20_000;

/** `text` for places that cannot isolate it, such as the title of the window: without directional marks, at most 80 characters. */
export function plain(text: string): string {
  return shorten(text.replace(INVISIBLE, ""), 80);
}

/** The first `limit` characters of `text`, and "…" if it has more. Never half of a surrogate pair. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const characters = [...text.slice(0, 2 * limit + 2)];
  return characters.length <= limit ? text : `${characters.slice(0, limit).join("")}…`;
}

/** The first 100,000 characters of `text`, and how many it has if there are more. */
export function bounded(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${shorten(text, MAX_SHOWN)}\n(${text.length} characters in all)`;
}

/** `value` as JSON, bounded. It is indented if it is short: indentation multiplies the length of nested values. */
export function jsonText(value: unknown): string {
  const compact = JSON.stringify(value);
  if (compact.length > MAX_INDENTED) return bounded(compact);
  const indented = JSON.stringify(value, undefined, 2);
  return indented.length <= MAX_SHOWN ? indented : compact;
}

/** `value` as a text of at most `limit` characters, if it is a text that is not empty or a number. */
export function textOf(value: unknown, limit = 500): string | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value !== "string" || value.trim() === "") return undefined;
  return shorten(value, limit);
}

/** `value` if it is an object, and no array. */
export function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}
