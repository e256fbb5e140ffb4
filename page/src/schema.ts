// The form of a question, from the JSON schema of its args. It covers flat objects; anything else is asked as JSON. The daemon
// checks args against the schema, so a form may accept more than the schema does.
import { objectOf, shorten, textOf } from "./text.js";

/** Above these, JSON is easier to write than a form is to fill in. */
const MAX_FIELDS = 50;
const MAX_CHOICES = 200;

interface Common {
  name: string;
  label: string;
  description?: string;
  required: boolean;
}

export interface Bounds {
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

export type Field = Common &
  (
    | { kind: "text"; minLength: number; maxLength: number; initial: string; hint?: string }
    | ({ kind: "number"; whole: boolean; initial: string } & Bounds)
    | { kind: "boolean"; initial: boolean; always: boolean }
    | { kind: "choice"; values: unknown[]; initial: number }
    | { kind: "lines"; minItems: number; maxItems: number; initial: string }
  );

export type Form = { kind: "fields"; fields: Field[] } | { kind: "json"; initial: string };

type Schema = Record<string, unknown>;

/** Keywords that restrict a value in ways that a field cannot show. */
const BEYOND_FIELDS = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "patternProperties", "propertyNames", "contains", "prefixItems"];

/** The form of `schema`. Without a schema, or with one that is no flat object, it is one text of JSON. */
export function formOf(schema: unknown): Form {
  const root = objectOf(schema);
  if (!root) return { kind: "json", initial: "" };
  const isObject = root["type"] === "object" || (root["type"] === undefined && objectOf(root["properties"]) !== undefined);
  const json: Form = { kind: "json", initial: isObject ? "{}" : "" };
  if (!isObject || hasAny(root, BEYOND_FIELDS)) return json;
  const properties = Object.entries(objectOf(root["properties"]) ?? {});
  const required = new Set(Array.isArray(root["required"]) ? root["required"] : []);
  const known = new Set(properties.map(([name]) => name));
  // An object whose properties are not all named is more than its fields.
  const open = properties.length === 0 && root["additionalProperties"] !== false && root["maxProperties"] !== 0;
  if (open || properties.length > MAX_FIELDS || [...required].some((name) => !known.has(name))) return json;
  const fields: Field[] = [];
  for (const [name, property] of properties) {
    const field = fieldOf(name, property, required.has(name));
    if (!field) return json;
    fields.push(field);
  }
  // Servers do not keep the order of properties.
  return { kind: "fields", fields: [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)] };
}

function hasAny(schema: Schema, keywords: readonly string[]): boolean {
  return keywords.some((keyword) => Object.hasOwn(schema, keyword));
}

/** The type of `schema`, `null` left out, if it is one. */
function typeOf(schema: Schema): string | undefined {
  const type = schema["type"];
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== "null");
  return types.length === 1 && typeof types[0] === "string" ? types[0] : undefined;
}

function fieldOf(name: string, value: unknown, required: boolean): Field | undefined {
  const schema = objectOf(value);
  if (!schema || hasAny(schema, BEYOND_FIELDS)) return undefined;
  const description = textOf(schema["description"], 1_000);
  const common: Common = {
    name,
    label: textOf(schema["title"], 200) ?? shorten(name, 200),
    ...(description === undefined ? {} : { description }),
    required,
  };
  const initial = schema["default"];
  const values = Object.hasOwn(schema, "const") ? [schema["const"]] : schema["enum"];
  if (values !== undefined) return choiceField(common, values, initial);
  switch (typeOf(schema)) {
    case "string":
      return textField(common, schema, initial);
    case "integer":
    case "number":
      return numberField(common, schema, initial);
    case "boolean":
      return { ...common, kind: "boolean", initial: initial === true, always: required || initial === true };
    case "array":
      return linesField(common, schema, initial);
    default:
      return undefined;
  }
}

function choiceField(common: Common, values: unknown, initial: unknown): Field | undefined {
  if (!Array.isArray(values) || values.length === 0 || values.length > MAX_CHOICES) return undefined;
  const text = JSON.stringify(initial);
  return { ...common, kind: "choice", values, initial: values.findIndex((value) => JSON.stringify(value) === text) };
}

function textField(common: Common, schema: Schema, initial: unknown): Field {
  // A pattern is shown, not run: it comes from a machine, and some patterns take minutes.
  const pattern = textOf(schema["pattern"], 200);
  const format = textOf(schema["format"], 50);
  const hint = pattern === undefined ? format && `Format: ${format}` : `Pattern: ${pattern}`;
  return {
    ...common,
    kind: "text",
    minLength: numberOf(schema["minLength"]) ?? 0,
    maxLength: numberOf(schema["maxLength"]) ?? Number.POSITIVE_INFINITY,
    initial: typeof initial === "string" ? initial : "",
    ...(hint === undefined ? {} : { hint }),
  };
}

function numberField(common: Common, schema: Schema, initial: unknown): Field {
  const bounds: Bounds = {};
  for (const keyword of ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const) {
    const bound = numberOf(schema[keyword]);
    if (bound !== undefined) bounds[keyword] = bound;
  }
  return {
    ...common,
    ...bounds,
    kind: "number",
    whole: typeOf(schema) === "integer",
    initial: typeof initial === "number" ? String(initial) : "",
  };
}

function linesField(common: Common, schema: Schema, initial: unknown): Field | undefined {
  const items = objectOf(schema["items"]);
  if (!items || items["type"] !== "string" || hasAny(items, [...BEYOND_FIELDS, "enum", "const"])) return undefined;
  return {
    ...common,
    kind: "lines",
    minItems: numberOf(schema["minItems"]) ?? 0,
    maxItems: numberOf(schema["maxItems"]) ?? Number.POSITIVE_INFINITY,
    initial: Array.isArray(initial) ? initial.filter((line) => typeof line === "string").join("\n") : "",
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
