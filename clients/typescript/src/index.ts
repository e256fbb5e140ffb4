/** Client of Doorbell, which asks machines behind NAT. See {@link DoorbellClient}. */

export { DoorbellClient } from "./client.js";
export {
  ApiError,
  type ApiErrorKind,
  CallTimeoutError,
  DoorbellError,
  type DoorbellErrorKind,
  NetworkError,
  RequestFailedError,
  RequestTimedOutError,
  WaitTimeoutError,
} from "./errors.js";
export type { CallOptions, ClientOptions, WaitOptions } from "./options.js";
export type { JsonValue, Model, ModelRecord, Question, RequestRecord, Runtime, Status } from "./types.js";
