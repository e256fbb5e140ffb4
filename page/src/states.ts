// The texts of the page for what went wrong.
import {
  ApiError,
  CallTimeoutError,
  NetworkError,
  RequestFailedError,
  RequestTimedOutError,
  WaitTimeoutError,
} from "doorbell-client";
import { shorten } from "./text.js";

export interface Problem {
  text: string;
  /** An alert interrupts a screen reader; a status waits until it has finished. */
  role: "alert" | "status";
  /** Whether "Try again" may help. */
  retry: boolean;
  /** The token is of no more use. */
  signedOut?: true;
  /** There is nothing more to see of this runtime. */
  gone?: true;
}

export const TOKEN_NOT_ACCEPTED = "The token was not accepted.";

/** The state to show for an error of a call. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return apiProblem(error);
  if (error instanceof NetworkError) return { text: "No connection to the server.", role: "alert", retry: true };
  if (error instanceof CallTimeoutError) return { text: "The server did not answer in time.", role: "alert", retry: true };
  if (error instanceof RequestTimedOutError || error instanceof WaitTimeoutError) {
    return { text: "The runtime did not answer in time.", role: "alert", retry: true };
  }
  if (error instanceof RequestFailedError) {
    if (error.record.error === "cancelled") return { text: "The request was cancelled.", role: "status", retry: true };
    return { text: `The runtime could not answer: ${shorten(error.message, 2_048)}`, role: "alert", retry: true };
  }
  return { text: "The page has a fault. Reload it, and report it if it comes back.", role: "alert", retry: true };
}

function apiProblem(error: ApiError): Problem {
  switch (error.kind) {
    case "unauthorized":
      return { text: TOKEN_NOT_ACCEPTED, role: "alert", retry: false, signedOut: true };
    case "forbidden":
      return { text: "This token may not do that.", role: "alert", retry: false };
    case "not_found":
      return notFound(error.error);
    case "offline":
      return { text: "This runtime is offline.", role: "status", retry: true };
    case "rate_limited":
      return { text: `Too many requests. Try again in ${seconds(error)} s.`, role: "alert", retry: true };
    case "invalid":
    case "conflict":
    case "too_large":
      return { text: `The server did not accept this: ${shorten(error.error, 200)}`, role: "alert", retry: false };
    case "server":
      return { text: "The server failed. Try again later.", role: "alert", retry: true };
  }
}

function notFound(text: string): Problem {
  if (text === "unknown kind") return { text: "The runtime has withdrawn this question.", role: "alert", retry: false };
  if (text === "request not found") return { text: "The request is gone.", role: "alert", retry: true };
  return { text: "The runtime is gone.", role: "alert", retry: false, gone: true };
}

function seconds(error: ApiError): number {
  return Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1));
}
