// What the page shows when there is no answer, and that the next try works.
import { browserTest } from "./fixtures/context.mjs";
import { CATALOG } from "./fixtures/catalogs.mjs";
import { failed, models } from "./fixtures/daemon.mjs";
import { visible } from "./fixtures/expect.mjs";
import { alert, button, heading, openAnswered, openRuntime, option, runtimeButton, signIn } from "./fixtures/ui.mjs";

const shows = (page, text) => visible(page.locator('[role="alert"], [role="status"]').filter({ hasText: text }));

/** Answers the page's calls of the route in the server's place until `unroute`. */
const fulfill = (page, url, status, error, headers) =>
  page.route(url, (route) => route.fulfill({ status, headers, json: { error } }));

const LIST = /\/api\/runtimes(\?.*)?$/;
const RING = /\/api\/runtimes\/[^/]+\/models(\?.*)?$/;

browserTest("says that the runtime is offline", { expectedErrors: [/status of 503/] }, async ({ page, daemon }) => {
  await daemon.register("Codex");
  await daemon.deregister("Codex");
  await openRuntime(page, "Codex");
  await shows(page, "This runtime is offline.");
  await daemon.register("Codex");
  const answered = daemon.answer("Codex", models(CATALOG));
  await button(page, "Try again").click();
  await answered;
  await visible(option(page, /Opus 5/));
});

browserTest("shows the error of a failed request", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", failed('codex is not logged in: run "codex login" on this machine'));
  await visible(alert(page).filter({ hasText: 'codex is not logged in: run "codex login" on this machine' }));
  const answered = daemon.answer("Codex", models(CATALOG));
  await button(page, "Try again").click();
  await answered;
  await visible(option(page, /Opus 5/));
});

browserTest("says that a daemon's token may not list runtimes", { expectedErrors: [/status of 403/] }, async ({ page }) => {
  await signIn(page, "dbd_dev_a");
  await shows(page, "This token may not do that.");
});

browserTest("says that the token may not ring", { expectedErrors: [/status of 403/] }, async ({ page, daemon }) => {
  await daemon.register("Codex");
  await fulfill(page, RING, 403, "forbidden");
  await openRuntime(page, "Codex");
  await shows(page, "This token may not do that.");
});

browserTest("says that the runtime is gone", { expectedErrors: [/status of 404/] }, async ({ page, daemon, server }) => {
  await daemon.register("Codex");
  await signIn(page);
  await visible(runtimeButton(page, /^Codex/));
  const response = await fetch(`${server.url}/api/runtimes/${daemon.id("Codex")}`, {
    method: "DELETE",
    headers: { authorization: "Bearer dbu_dev_a" },
  });
  if (!response.ok) throw new Error(`the runtime was not removed: ${response.status}`);
  await runtimeButton(page, /^Codex/).click();
  await shows(page, "The runtime is gone.");
});

browserTest("says when to ring again", { expectedErrors: [/status of 429/] }, async ({ page, daemon }) => {
  await daemon.register("Codex");
  await fulfill(page, RING, 429, "too many requests for this runtime", { "retry-after": "45" });
  await openRuntime(page, "Codex");
  await shows(page, "Too many requests. Try again in 45 s.");
  await page.unroute(RING);
  const answered = daemon.answer("Codex", models(CATALOG));
  await button(page, "Try again").click();
  await answered;
  await visible(option(page, /Opus 5/));
});

const NO_NETWORK = { expectedErrors: [/ERR_INTERNET_DISCONNECTED/] };

browserTest("says that there is no connection to list runtimes", NO_NETWORK, async ({ page, context, daemon }) => {
  await daemon.register("Codex");
  await signIn(page);
  await visible(runtimeButton(page, /^Codex/));
  await context.setOffline(true);
  await button(page, "Reload runtimes").click();
  await shows(page, "No connection to the server.");
  await context.setOffline(false);
  await button(page, "Try again").click();
  await visible(runtimeButton(page, /^Codex/));
  await page.getByText("No connection to the server.").waitFor({ state: "hidden" });
});

browserTest("says that there is no connection to ring", NO_NETWORK, async ({ page, context, daemon }) => {
  await daemon.register("Codex");
  await signIn(page);
  await visible(runtimeButton(page, /^Codex/));
  await context.setOffline(true);
  await runtimeButton(page, /^Codex/).click();
  await visible(heading(page, "Codex"));
  await shows(page, "No connection to the server.");
});

browserTest("tries again after an error of the server", { expectedErrors: [/status of 500/] }, async ({ page, daemon }) => {
  await daemon.register("Codex");
  let calls = 0;
  await page.route(LIST, (route) => {
    calls += 1;
    return calls === 1 ? route.fulfill({ status: 500, json: { error: "failed to list runtimes" } }) : route.continue();
  });
  await signIn(page);
  await visible(runtimeButton(page, /^Codex/));
});
