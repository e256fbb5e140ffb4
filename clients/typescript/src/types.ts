/** The types of the API, with readable names. `schema.ts` is generated from openapi.yaml. */

import type { components } from "./schema.js";

type Schemas = components["schemas"];

/** A JSON value. Numbers beyond the precision of a double are rounded, as `JSON.parse` does. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** An agent program on a machine. */
export type Runtime = Schemas["Runtime"];

/** A model as its daemon reported it. Only `id` and `label` are validated; all texts come from a machine, so show them as text. */
export type Model = Schemas["Model"];

/** The record of a request for models. With `cached`, its id cannot be polled. */
export type ModelRecord = Schemas["Request"];

/** The record of a request of any kind. */
export type RequestRecord = Omit<Schemas["AnyRequest"], "args" | "progress" | "result"> & {
  /** The args of the request. Left out without any. */
  args?: JsonValue;
  /** The last progress. Only while it is running. */
  progress?: JsonValue;
  /** The answer. Left out if it is `null`. */
  result?: JsonValue;
};

/** A kind of requests that the owner of a machine declares. */
export type Question = Schemas["Question"];

/** The status of a request. The last three are final. */
export type Status = Schemas["AnyRequest"]["status"];
