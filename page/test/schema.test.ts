import assert from "node:assert/strict";
import { test } from "node:test";
import { formOf, type Field } from "../src/schema.js";

const fields = (properties: Record<string, unknown>, rest: Record<string, unknown> = {}): Field[] => {
  const form = formOf({ type: "object", properties, ...rest });
  assert.equal(form.kind, "fields");
  return form.kind === "fields" ? form.fields : [];
};

const isJson = (schema: unknown): boolean => formOf(schema).kind === "json";

test("each simple type has its field", () => {
  const found = fields({
    a: { type: "string" },
    b: { type: "integer" },
    c: { type: "number" },
    d: { type: "boolean" },
    e: { enum: ["x", 1, null] },
    f: { type: "array", items: { type: "string" } },
    g: { const: "only" },
    h: { type: ["string", "null"] },
  });
  assert.deepEqual(found.map(({ kind }) => kind), ["text", "number", "number", "boolean", "choice", "lines", "choice", "text"]);
});

test("required fields and titles are taken over", () => {
  const [path, depth] = fields({ path: { type: "string", title: "Folder", description: "Where" }, depth: { type: "integer" } }, { required: ["path"] });
  assert.deepEqual([path?.label, path?.description, path?.required], ["Folder", "Where", true]);
  assert.deepEqual([depth?.label, depth?.required], ["depth", false]);
});

test("required fields come first", () => {
  const found = fields({ a: { type: "string" }, b: { type: "string" }, c: { type: "string" } }, { required: ["c", "b"] });
  assert.deepEqual(found.map(({ name }) => name), ["b", "c", "a"]);
});

test("defaults fill the fields", () => {
  const found = fields({
    text: { type: "string", default: "a" },
    number: { type: "integer", default: 3 },
    box: { type: "boolean", default: true },
    choice: { enum: ["x", "y"], default: "y" },
    lines: { type: "array", items: { type: "string" }, default: ["a", "b"] },
  });
  assert.deepEqual(found.map(({ initial }) => initial), ["a", "3", true, 1, "a\nb"]);
});

test("an object without properties has no fields", () => {
  assert.deepEqual(formOf({ type: "object", additionalProperties: false }), { kind: "fields", fields: [] });
});

test("what is no flat object is asked as JSON", () => {
  const property = (schema: unknown): unknown => ({ type: "object", properties: { a: schema } });
  const schemas = [
    undefined,
    true,
    { type: "string" },
    { type: "array" },
    { type: "object" },
    { type: "object", properties: { a: { type: "string" } }, oneOf: [] },
    { type: "object", properties: { a: { type: "string" } }, required: ["b"] },
    property({ type: "object" }),
    property({ type: "array" }),
    property({ type: "array", items: { type: "string", enum: ["a"] } }),
    property({ type: ["string", "integer"] }),
    property({ type: "string", $ref: "#/x" }),
    property({ type: "integer", not: { const: 3 } }),
    property({}),
    property(true),
    property({ enum: [] }),
  ];
  for (const schema of schemas) assert.ok(isJson(schema), JSON.stringify(schema));
});

test("a form has at most fifty fields and two hundred choices", () => {
  const many = (count: number): unknown => ({
    type: "object",
    properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, { type: "string" }])),
  });
  const choices = (count: number): unknown => ({ type: "object", properties: { a: { enum: Array.from({ length: count }, (_, index) => index) } } });
  assert.deepEqual([isJson(many(50)), isJson(many(51))], [false, true]);
  assert.deepEqual([isJson(choices(200)), isJson(choices(201))], [false, true]);
});

test("a pattern is shown and not run", () => {
  const [field] = fields({ a: { type: "string", pattern: "^(a+)+$" } });
  assert.equal(field?.kind === "text" && field.hint, "Pattern: ^(a+)+$");
});
