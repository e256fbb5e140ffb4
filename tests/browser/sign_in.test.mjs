// Signing in with a token, and where the token is kept.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { eventually, hidden, visible } from "./fixtures/expect.mjs";
import { USER, alert, button, heading, signIn, tokenField } from "./fixtures/ui.mjs";

const UNAUTHORIZED = [/status of 401/];

browserTest("signs in with a user's token", async ({ page }) => {
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  await visible(button(page, "Sign out"));
});

browserTest("rejects an unknown token", { expectedErrors: UNAUTHORIZED }, async ({ page }) => {
  await signIn(page, "dbu_unknown");
  await visible(alert(page).filter({ hasText: "The token was not accepted." }));
  await visible(heading(page, "Sign in"));
  assert.deepEqual(await storedTokens(page), {});
});

browserTest("hides the token while it is typed", async ({ page }) => {
  await page.goto("/");
  assert.equal(await tokenField(page).getAttribute("type"), "password");
  assert.equal(await tokenField(page).getAttribute("autocomplete"), "off");
});

browserTest("signs out", async ({ page }) => {
  await signIn(page);
  await button(page, "Sign out").click();
  await visible(heading(page, "Sign in"));
  assert.deepEqual(await storedTokens(page), {});
  await page.reload();
  await visible(heading(page, "Sign in"));
});

browserTest("stays signed in after a reload", async ({ page }) => {
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  await page.reload();
  await visible(heading(page, "Runtimes"));
});

browserTest("keeps the token in sessionStorage only", async ({ page, context, server }) => {
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  assert.deepEqual(await storedTokens(page), { "doorbell.token": USER });
  const elsewhere = await page.evaluate(async () => ({
    local: { ...localStorage },
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    html: document.documentElement.outerHTML,
    inputs: [...document.querySelectorAll("input")].map((input) => input.value),
  }));
  assert.deepEqual(
    { ...elsewhere, html: elsewhere.html.includes(USER), inputs: elsewhere.inputs.includes(USER) },
    { local: {}, databases: [], caches: [], workers: 0, html: false, inputs: false },
  );
  assert.deepEqual(await context.cookies(), []);
  assert(!page.url().includes(USER), page.url());
  const other = await context.newPage();
  await other.goto(server.url);
  await visible(heading(other, "Sign in"));
});

browserTest("shows that storage is blocked", async ({ page }) => {
  await page.addInitScript(() => {
    const get = () => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    };
    Object.defineProperty(globalThis, "sessionStorage", { get });
  });
  await page.goto("/");
  await visible(alert(page).filter({ hasText: "This page needs session storage." }));
});

browserTest("sends the token in the header only", async ({ page }) => {
  /** @type {import("playwright-core").Request[]} */
  const requests = [];
  page.on("request", (request) => requests.push(request));
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  const calls = requests.filter((request) => request.url().includes("/api/"));
  assert(calls.length > 0, "the page called the API");
  for (const call of calls) {
    assert.equal(await call.headerValue("authorization"), `Bearer ${USER}`);
    assert(!call.url().includes(USER), call.url());
  }
});

browserTest("asks for a token again once it is revoked", { expectedErrors: UNAUTHORIZED }, async ({ page }) => {
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  await page.route("**/api/runtimes*", (route) => route.fulfill({ status: 401, json: { error: "unauthorized" } }));
  await button(page, "Reload runtimes").click();
  await visible(heading(page, "Sign in"));
  await hidden(heading(page, "Runtimes"));
  await eventually(async () => assert.deepEqual(await storedTokens(page), {}));
});

function storedTokens(page) {
  return page.evaluate(() => ({ ...sessionStorage }));
}
