import assert from "node:assert/strict";
import { test } from "node:test";
import { argsOf, type Args } from "../src/args.js";
import { formOf } from "../src/schema.js";

function filled(schema: unknown, values: Record<string, string | boolean>): Args {
  return argsOf(formOf(schema), new Map(Object.entries(values)));
}

const object = (properties: Record<string, unknown>, required: string[] = []): unknown => ({ type: "object", properties, required });

/** The error of the field `a`. */
function errorOf(schema: unknown, value: string | boolean, required = false): string | undefined {
  const args = filled(object({ a: schema }, required ? ["a"] : []), { a: value });
  return "errors" in args ? args.errors.get("a") : undefined;
}

test("each field becomes a value of its type", () => {
  const schema = object({
    text: { type: "string" },
    whole: { type: "integer" },
    number: { type: "number" },
    box: { type: "boolean" },
    choice: { enum: ["x", 7, null] },
    lines: { type: "array", items: { type: "string" } },
  });
  const values = { text: " a ", whole: "-3", number: "2.5e1", box: true, choice: "1", lines: "a\r\n\n b\n" };
  assert.deepEqual(filled(schema, values), { args: { text: " a ", whole: -3, number: 25, box: true, choice: 7, lines: ["a", " b"] } });
});

test("empty optional fields are left out", () => {
  const schema = object({ text: { type: "string" }, number: { type: "number" }, choice: { enum: [1] }, lines: { type: "array", items: { type: "string" } } });
  assert.deepEqual(filled(schema, { text: "", number: " ", choice: "", lines: "\n" }), { args: undefined });
});

test("a box that is not ticked is false only if it is required or true by default", () => {
  const schema = object({ a: { type: "boolean" }, b: { type: "boolean" }, c: { type: "boolean", default: true } }, ["b"]);
  assert.deepEqual(filled(schema, { a: false, b: false, c: false }), { args: { b: false, c: false } });
});

test("required fields that are empty are errors", () => {
  assert.equal(errorOf({ type: "string" }, "", true), "Enter a value.");
  assert.equal(errorOf({ enum: [1] }, "", true), "Choose a value.");
  assert.equal(errorOf({ type: "integer" }, "", true), "Enter a value.");
  assert.equal(errorOf({ type: "array", items: { type: "string" }, minItems: 1 }, "", true), "Enter at least 1 line.");
});

test("texts have lengths in characters", () => {
  const schema = { type: "string", minLength: 2, maxLength: 3 };
  assert.equal(errorOf(schema, "👋"), "Enter at least 2 characters.");
  assert.equal(errorOf(schema, "👋👋👋"), undefined);
  assert.equal(errorOf(schema, "abcd"), "Enter at most 3 characters.");
});

test("numbers are checked against their bounds", () => {
  const schema = { type: "integer", minimum: 1, maximum: 3 };
  for (const text of ["1", "3", "+2", "2.0"]) assert.equal(errorOf(schema, text), undefined, text);
  assert.equal(errorOf(schema, "0"), "Enter 1 or more.");
  assert.equal(errorOf(schema, "4"), "Enter 3 or less.");
  assert.equal(errorOf({ type: "number", exclusiveMinimum: 0 }, "0"), "Enter more than 0.");
  assert.equal(errorOf({ type: "number", exclusiveMaximum: 1 }, "1"), "Enter less than 1.");
});

test("what is no number is an error", () => {
  for (const text of ["x", "0x10", "1,5", "Infinity", "1e999", "--1"]) assert.equal(errorOf({ type: "number" }, text), "Enter a number.", text);
  for (const text of ["1.5", "x"]) assert.equal(errorOf({ type: "integer" }, text), "Enter a whole number.", text);
  assert.equal(errorOf({ type: "integer" }, "9007199254740993"), "Enter a whole number of at most 15 digits.");
});

test("lines are counted", () => {
  const schema = { type: "array", items: { type: "string" }, minItems: 2, maxItems: 2 };
  assert.equal(errorOf(schema, "a"), "Enter at least 2 lines.");
  assert.equal(errorOf(schema, "a\nb"), undefined);
  assert.equal(errorOf(schema, "a\nb\nc"), "Enter at most 2 lines.");
});

test("every field with an error is named", () => {
  const args = filled(object({ a: { type: "string" }, b: { type: "integer" } }, ["a"]), { a: "", b: "x" });
  assert.deepEqual("errors" in args && [...args.errors.keys()], ["a", "b"]);
});

test("JSON is sent as it is", () => {
  assert.deepEqual(filled(undefined, { "": " [1, {\"a\": null}] " }), { args: [1, { a: null }] });
});

test("empty JSON is no args", () => {
  for (const text of ["", "  ", "{}", "null"]) assert.deepEqual(filled(undefined, { "": text }), { args: undefined }, text);
});

test("what is no JSON is an error", () => {
  const args = filled(undefined, { "": "{a: 1}" });
  assert.match(("errors" in args && args.errors.get("")) || "", /^This is not JSON: /);
});

test("rejects args over 32 KiB", () => {
  const text = (length: number): string => JSON.stringify("a".repeat(length));
  assert.ok("args" in filled(undefined, { "": text(32 * 1_024 - 2) }));
  assert.ok("errors" in filled(undefined, { "": text(32 * 1_024 - 1) }));
});

test("a field of the name __proto__ is a field", () => {
  const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}') as unknown;
  const args = argsOf(formOf(schema), new Map([["__proto__", "a"]]));
  assert.equal("args" in args && JSON.stringify(args.args), '{"__proto__":"a"}');
});
