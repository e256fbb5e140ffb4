// What the user filled in, as the args of a request.
import type { JsonValue } from "doorbell-client";
import type { Bounds, Field, Form } from "./schema.js";

/** Limit of the contract: 32 KiB of JSON. */
export const MAX_ARGS_BYTES = 32 * 1_024;

/** By name of the field: the text, or whether the box is ticked. A form of JSON has one value, of the name "". */
export type Values = ReadonlyMap<string, string | boolean>;

export type Args = { args: JsonValue | undefined } | { errors: Map<string, string> };

/** The args, or what is wrong by name of the field. An empty form has no args: a daemon takes them as an empty object. */
export function argsOf(form: Form, values: Values): Args {
  const read = form.kind === "json" ? readJson(values.get("")) : readFields(form.fields, values);
  if ("errors" in read || read.args === undefined) return read;
  const bytes = new TextEncoder().encode(JSON.stringify(read.args)).length;
  if (bytes <= MAX_ARGS_BYTES) return read;
  const name = form.kind === "json" ? "" : (form.fields[0]?.name ?? "");
  return { errors: new Map([[name, `All arguments together have ${bytes} bytes; at most ${MAX_ARGS_BYTES} are allowed.`]]) };
}

function readJson(value: string | boolean | undefined): Args {
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "") return { args: undefined };
  try {
    const args = JSON.parse(text) as JsonValue;
    return { args: args === null || isEmptyObject(args) ? undefined : args };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unreadable";
    return { errors: new Map([["", `This is not JSON: ${reason.slice(0, 200)}`]]) };
  }
}

function isEmptyObject(value: JsonValue): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function readFields(fields: readonly Field[], values: Values): Args {
  const errors = new Map<string, string>();
  const entries: [string, JsonValue][] = [];
  for (const field of fields) {
    const read = readField(field, values.get(field.name));
    if (read.error !== undefined) errors.set(field.name, read.error);
    else if (read.value !== undefined) entries.push([field.name, read.value]);
  }
  if (errors.size > 0) return { errors };
  // Unlike an assignment, this makes an ordinary property of the name "__proto__", too.
  return { args: entries.length === 0 ? undefined : (Object.fromEntries(entries) as JsonValue) };
}

interface Read {
  value?: JsonValue;
  error?: string;
}

function readField(field: Field, value: string | boolean | undefined): Read {
  const text = typeof value === "string" ? value : "";
  switch (field.kind) {
    case "boolean":
      return value === true || field.always ? { value: value === true } : {};
    case "choice": {
      if (text === "") return missing(field);
      return { value: field.values[Number(text)] as JsonValue };
    }
    case "number":
      return text.trim() === "" ? missing(field) : readNumber(field, text.trim());
    case "lines":
      return readLines(field, text);
    case "text": {
      // An empty text may be meant if the field is required and has no least length; it looks like a missing one.
      if (text === "") return missing(field);
      const length = [...text].length;
      if (length < field.minLength) return { error: `Enter at least ${count(field.minLength, "character")}.` };
      if (length > field.maxLength) return { error: `Enter at most ${count(field.maxLength, "character")}.` };
      return { value: text };
    }
  }
}

function missing(field: Field): Read {
  return field.required ? { error: field.kind === "choice" ? "Choose a value." : "Enter a value." } : {};
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function readNumber(field: Bounds & { whole: boolean }, text: string): Read {
  const value = Number(text);
  if (!NUMBER.test(text) || !Number.isFinite(value)) return { error: field.whole ? "Enter a whole number." : "Enter a number." };
  if (field.whole && !Number.isInteger(value)) return { error: "Enter a whole number." };
  if (field.whole && !Number.isSafeInteger(value)) return { error: "Enter a whole number of at most 15 digits." };
  if (field.minimum !== undefined && value < field.minimum) return { error: `Enter ${field.minimum} or more.` };
  if (field.maximum !== undefined && value > field.maximum) return { error: `Enter ${field.maximum} or less.` };
  if (field.exclusiveMinimum !== undefined && value <= field.exclusiveMinimum) {
    return { error: `Enter more than ${field.exclusiveMinimum}.` };
  }
  if (field.exclusiveMaximum !== undefined && value >= field.exclusiveMaximum) {
    return { error: `Enter less than ${field.exclusiveMaximum}.` };
  }
  return { value };
}

function readLines(field: Field & { kind: "lines" }, text: string): Read {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0 && !field.required) return {};
  const least = Math.max(field.minItems, field.required && field.minItems === 0 ? 0 : 1);
  if (lines.length < least) return { error: `Enter at least ${count(least, "line")}.` };
  if (lines.length > field.maxItems) return { error: `Enter at most ${count(field.maxItems, "line")}.` };
  return { value: lines };
}
