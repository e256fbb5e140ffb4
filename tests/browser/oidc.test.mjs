// Signing in at an OIDC issuer.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { eventually, hidden, visible } from "./fixtures/expect.mjs";
import { CLIENT_ID, Issuer } from "./fixtures/issuer.mjs";
import { alert, button, heading, runtimeButton, tokenField } from "./fixtures/ui.mjs";

const SIGN_IN = "Sign in with your organization";

/** A test whose server accepts the tokens of an issuer of its own. */
function oidcTest(name, options, body) {
  if (typeof options === "function") return oidcTest(name, {}, options);
  /** @type {Issuer} */
  let issuer;
  const env = async () => {
    issuer = await Issuer.start();
    return issuer.env;
  };
  return browserTest(name, { ...options, env }, async (t) => {
    try {
      await body({ ...t, issuer });
    } finally {
      await issuer.stop();
    }
  });
}

oidcTest("signs in at the issuer with PKCE", async ({ page, daemon, issuer }) => {
  await daemon.register("Codex");
  await page.goto("/");
  await button(page, SIGN_IN).click();
  await visible(runtimeButton(page, /^Codex/));
  const [authorization] = issuer.authorizations;
  assert.equal(authorization.get("response_type"), "code");
  assert.equal(authorization.get("client_id"), CLIENT_ID);
  assert.equal(authorization.get("code_challenge_method"), "S256");
  assert.match(authorization.get("scope"), /\bopenid\b/);
  assert(authorization.get("state").length >= 16, authorization.get("state"));
  const [exchange] = issuer.exchanges;
  assert.match(exchange.get("code_verifier"), /^[A-Za-z0-9._~-]{43,128}$/);
});

oidcTest("removes code, state and verifier after the exchange", async ({ page, issuer }) => {
  await page.goto("/");
  await button(page, SIGN_IN).click();
  await visible(heading(page, "Runtimes"));
  const url = new URL(page.url());
  assert.equal(url.search, "");
  const [exchange] = issuer.exchanges;
  const [authorization] = issuer.authorizations;
  const stored = await page.evaluate(() => Object.values({ ...sessionStorage, ...localStorage }).join("\n"));
  for (const secret of [exchange.get("code_verifier"), exchange.get("code"), authorization.get("state")]) {
    assert(!stored.includes(secret), stored);
  }
});

oidcTest("uses another state and verifier each time", async ({ page, issuer }) => {
  await page.goto("/");
  await button(page, SIGN_IN).click();
  await button(page, "Sign out").click();
  await button(page, SIGN_IN).click();
  await visible(heading(page, "Runtimes"));
  const [first, second] = issuer.authorizations;
  for (const name of ["state", "code_challenge"]) assert.notEqual(first.get(name), second.get(name));
});

oidcTest("rejects an answer with another state", async ({ page, issuer }) => {
  issuer.answer = "forge_state";
  await page.goto("/");
  await button(page, SIGN_IN).click();
  await visible(alert(page).filter({ hasText: "not started in this tab" }));
  await visible(heading(page, "Sign in"));
  assert.equal(issuer.authorizations.length, 1);
  assert.equal(issuer.exchanges.length, 0);
});

oidcTest("shows that the issuer denied", async ({ page, issuer }) => {
  issuer.answer = "deny";
  await page.goto("/");
  await button(page, SIGN_IN).click();
  await visible(alert(page).filter({ hasText: "access_denied" }));
  await visible(button(page, SIGN_IN));
  assert.equal(issuer.exchanges.length, 0);
});

oidcTest("asks again when the token has expired", async ({ page, issuer }) => {
  issuer.lifetime = 2;
  await page.goto("/");
  await button(page, SIGN_IN).click();
  await visible(alert(page).filter({ hasText: "Your sign-in has expired." }));
  await visible(heading(page, "Sign in"));
  await eventually(async () => assert.deepEqual(await page.evaluate(() => ({ ...sessionStorage })), {}));
});

browserTest("offers no sign-in at an issuer without one", async ({ page }) => {
  await page.goto("/");
  await visible(tokenField(page));
  const settings = await page.evaluate(async () => (await fetch("page.json")).json());
  assert.equal(settings.oidc, undefined);
  await hidden(button(page, SIGN_IN));
});
