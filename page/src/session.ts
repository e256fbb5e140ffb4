// The token, in sessionStorage only: other sites cannot read it, and other tabs do not share it. A duplicated tab starts with a copy, and
// reopening a closed tab restores it, so only "Sign out" and the expiry remove it for good.
import type { Pending } from "./oidc.js";
import { objectOf } from "./text.js";

const TOKEN = "doorbell.token";
const EXPIRES_AT = "doorbell.expires_at";
const PENDING = "doorbell.sign_in";
const PROBE = "doorbell.probe";

/** `setTimeout` takes no more. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export class Session {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly expired: () => void,
  ) {}

  /** The token, unless it has expired. */
  get token(): string | undefined {
    const expiresAt = Number(this.storage.getItem(EXPIRES_AT) ?? Number.POSITIVE_INFINITY);
    return expiresAt > Date.now() ? (this.storage.getItem(TOKEN) ?? undefined) : undefined;
  }

  /** Keeps a token that the server has accepted. */
  keep(token: string, expiresAt?: number): void {
    this.storage.setItem(TOKEN, token);
    if (expiresAt === undefined) this.storage.removeItem(EXPIRES_AT);
    else this.storage.setItem(EXPIRES_AT, String(expiresAt));
    this.watch();
  }

  /** Calls `expired` at the time that the token has named. */
  watch(): void {
    clearTimeout(this.#timer);
    const expiresAt = this.storage.getItem(EXPIRES_AT);
    if (expiresAt === null) return;
    const delay = Math.max(0, Number(expiresAt) - Date.now());
    if (delay <= LONGEST_DELAY_MS) this.#timer = setTimeout(this.expired, delay);
  }

  forget(): void {
    clearTimeout(this.#timer);
    for (const key of [TOKEN, EXPIRES_AT, PENDING]) this.storage.removeItem(key);
  }

  keepPending(pending: Pending): void {
    this.storage.setItem(PENDING, JSON.stringify(pending));
  }

  /** The sign-in that was begun. It can be finished once. */
  takePending(): Pending | undefined {
    const text = this.storage.getItem(PENDING);
    this.storage.removeItem(PENDING);
    try {
      const fields = objectOf(JSON.parse(text ?? "null"));
      const state = fields?.["state"];
      const verifier = fields?.["verifier"];
      const hash = fields?.["hash"];
      const isWhole = typeof state === "string" && typeof verifier === "string" && typeof hash === "string";
      return isWhole ? { state, verifier, hash } : undefined;
    } catch {
      return undefined;
    }
  }
}

/** The storage of `find`, unless the browser blocks it: then reading the property throws, or writing does. */
export function usableStorage(find: () => Storage | null): Storage | undefined {
  try {
    const storage = find();
    storage?.setItem(PROBE, "");
    storage?.removeItem(PROBE);
    return storage ?? undefined;
  } catch {
    return undefined;
  }
}

/** Whether a text can be a token at all: what a header may carry. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,8192}$/.test(text);
}
