// Signing in: a token from the form, or one from an issuer.
import { DoorbellClient } from "doorbell-client";
import { authorize, codeOf, exchange, settingsOf, SignInError, type OidcSettings, type Pending } from "./oidc.js";
import type { Session } from "./session.js";
import { problemOf } from "./states.js";

const SETTINGS_TIMEOUT_MS = 15_000;

/** The address of the page, without query and fragment: the redirect URI at the issuer, and the base of the API. */
export function pageUrl(): string {
  return new URL(".", location.href).href;
}

/** The issuer in `page.json`. Without an answer there is none: tokens work all the same. */
export async function loadSettings(): Promise<OidcSettings | undefined> {
  try {
    const response = await fetch("page.json", { signal: AbortSignal.timeout(SETTINGS_TIMEOUT_MS) });
    return response.ok ? settingsOf(await response.json()) : undefined;
  } catch {
    return undefined;
  }
}

/** Asks the server whether it accepts a token of scope `user`. Resolves to what is wrong. */
export async function tryToken(client: DoorbellClient): Promise<{ text: string; refused: boolean } | undefined> {
  try {
    await client.runtimes({ pageSize: 1 }).next();
    return undefined;
  } catch (error) {
    const problem = problemOf(error);
    return { text: problem.text, refused: problem.signedOut === true };
  }
}

/** Leaves for the issuer's page. */
export async function leaveForIssuer(settings: OidcSettings | undefined, session: Session): Promise<string | undefined> {
  if (!settings) return "The issuer is not configured.";
  if (!isSecureContext) return "Signing in with an organization needs HTTPS.";
  const { url, pending } = await authorize(settings, pageUrl(), location.hash);
  session.keepPending(pending);
  location.assign(url);
  return undefined;
}

/** Finishes the sign-in that the issuer's redirect brings. Resolves to what is wrong. */
export async function finishIssuer(
  query: URLSearchParams,
  pending: Pending | undefined,
  settings: OidcSettings | undefined,
  session: Session,
  clientFor: (token: string) => DoorbellClient,
): Promise<string | undefined> {
  try {
    const code = codeOf(query, pending);
    if (!settings || !pending) throw new SignInError("The issuer is not configured.");
    for (const { token, expiresAt } of await exchange(settings, code, pending.verifier, pageUrl())) {
      const problem = await tryToken(clientFor(token));
      if (problem?.refused === true) continue;
      if (problem) return problem.text;
      session.keep(token, expiresAt);
      return undefined;
    }
    return "The server does not accept the tokens of the issuer.";
  } catch (error) {
    if (error instanceof SignInError) return error.message;
    throw error;
  }
}
