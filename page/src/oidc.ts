// Sign-in with an OpenID Connect issuer: authorization code flow with PKCE (RFC 7636), as RFC 9700 recommends for browsers.
import { objectOf, textOf } from "./text.js";

export interface OidcSettings {
  client_id: string;
  authorization_endpoint: string;
  token_endpoint: string;
  scope: string;
}

/** What must survive the way to the issuer and back. */
export interface Pending {
  state: string;
  verifier: string;
  /** The part of the address after "#" to return to. */
  hash: string;
}

export interface Authorization {
  url: string;
  pending: Pending;
}

/** A token of the issuer; the first one that the server accepts is used. */
export interface Candidate {
  token: string;
  /** When it expires, in ms. */
  expiresAt?: number;
}

const EXCHANGE_TIMEOUT_MS = 15_000;
/** Far more than any issuer's answer has. */
const MAX_TOKEN_LENGTH = 16_384;

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** Where to send the user, and what to keep until the user is back at `redirectUri`, which has no fragment (RFC 6749, 3.1.2). */
export async function authorize(settings: OidcSettings, redirectUri: string, hash: string): Promise<Authorization> {
  const pending = { state: random(), verifier: random(), hash };
  const url = new URL(settings.authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: settings.client_id,
    redirect_uri: redirectUri,
    scope: settings.scope,
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: "S256",
  })) {
    url.searchParams.set(name, value);
  }
  return { url: url.href, pending };
}

export class SignInError extends Error {}

/** Whether the issuer has sent the user back with this query. */
export function isCallback(query: URLSearchParams): boolean {
  return query.has("state") && (query.has("code") || query.has("error"));
}

/** The code in the issuer's redirect. Rejects one that this page has not asked for. */
export function codeOf(query: URLSearchParams, pending: Pending | undefined): string {
  if (pending === undefined || query.get("state") !== pending.state) {
    throw new SignInError("This sign-in was not started in this tab, or it was interrupted. Sign in again.");
  }
  const error = query.get("error");
  if (error !== null) {
    const reason = textOf(query.get("error_description") ?? error, 200) ?? "no reason given";
    throw new SignInError(`The sign-in was refused: ${reason}`);
  }
  const code = query.get("code");
  if (code === null || code === "") throw new SignInError("The sign-in has no code. Sign in again.");
  return code;
}

/** Exchanges the code for tokens. */
export async function exchange(settings: OidcSettings, code: string, verifier: string, redirectUri: string, fetcher = fetch): Promise<Candidate[]> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: settings.client_id,
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier,
  });
  let answer: unknown;
  try {
    const signal = AbortSignal.timeout(EXCHANGE_TIMEOUT_MS);
    const init: RequestInit = { method: "POST", body, signal, credentials: "omit", headers: { accept: "application/json" } };
    const response = await fetcher(settings.token_endpoint, init);
    if (!response.ok) throw new SignInError("The issuer did not accept the sign-in. Sign in again.");
    answer = await response.json();
  } catch (error) {
    if (error instanceof SignInError) throw error;
    throw new SignInError("The issuer could not be reached. Sign in again.");
  }
  const candidates = candidatesOf(answer);
  if (candidates.length === 0) throw new SignInError("The issuer sent no token that names its audience.");
  return candidates;
}

/** The JWTs of a token response that name an audience, which the server requires: the access token, then the ID token. */
export function candidatesOf(answer: unknown, now = Date.now()): Candidate[] {
  const fields = objectOf(answer);
  const found: Candidate[] = [];
  for (const token of [fields?.["access_token"], fields?.["id_token"]]) {
    const claims = typeof token === "string" && token.length <= MAX_TOKEN_LENGTH ? claimsOf(token) : undefined;
    if (typeof token !== "string" || claims?.["aud"] === undefined) continue;
    const expiresAt = expiryOf(claims, now);
    found.push({ token, ...(expiresAt === undefined ? {} : { expiresAt }) });
  }
  return found;
}

/** When the token expires by this machine's clock, which may differ from the issuer's: a fresh token has its whole lifetime left. */
function expiryOf(claims: Record<string, unknown>, now: number): number | undefined {
  const expires = claims["exp"];
  const issued = claims["iat"];
  if (typeof expires !== "number") return undefined;
  return typeof issued === "number" ? now + (expires - issued) * 1_000 : expires * 1_000;
}

/** The claims of a JWT, unverified: the server verifies them. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  const parts = token.split(".");
  if (parts.length !== 3 || parts[1] === undefined) return undefined;
  try {
    return objectOf(JSON.parse(atob(parts[1].replaceAll("-", "+").replaceAll("_", "/"))));
  } catch {
    return undefined;
  }
}

/** The settings of `page.json`, if it has an issuer. */
export function settingsOf(page: unknown): OidcSettings | undefined {
  const oidc = objectOf(objectOf(page)?.["oidc"]);
  const value = (name: string) => textOf(oidc?.[name], 2_000);
  const client_id = value("client_id");
  const authorization_endpoint = value("authorization_endpoint");
  const token_endpoint = value("token_endpoint");
  const scope = value("scope") ?? "openid";
  if (client_id === undefined || authorization_endpoint === undefined || token_endpoint === undefined) return undefined;
  if (!isWeb(authorization_endpoint) || !isWeb(token_endpoint)) return undefined;
  return { client_id, authorization_endpoint, token_endpoint, scope };
}

/** HTTPS, or HTTP on this machine. Keeps a `javascript:` URL from becoming a place to go to. */
function isWeb(text: string): boolean {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || (url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname));
  } catch {
    return false;
  }
}
