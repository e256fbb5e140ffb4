// The age of a list, and what the page does about it.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { CATALOG } from "./fixtures/catalogs.mjs";
import { models } from "./fixtures/daemon.mjs";
import { hidden, visible } from "./fixtures/expect.mjs";
import { alert, button, heading, openAnswered, option, runtimeButton, showsLabels, status } from "./fixtures/ui.mjs";

const OLD = [{ id: "old", label: "Old model" }];
const NEW = [{ id: "new", label: "New model" }];

browserTest("shows the list again without another discovery", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(OLD));
  await visible(option(page, "Old model"));
  // Another page, which remembers nothing of the first one's memory.
  await page.reload();
  await visible(option(page, "Old model"));
  await visible(status(page, "Listed just now"));
  assert.deepEqual(await daemon.heartbeat("Codex"), []);
  assert.equal(daemon.collected("Codex"), 1);
});

browserTest("refreshes the list on request", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(OLD));
  await visible(option(page, "Old model"));
  const answered = daemon.answer("Codex", models(NEW));
  await button(page, "Refresh").click();
  await answered;
  await showsLabels(page, ["New model"]);
  await visible(status(page, "Listed just now"));
});

browserTest("shows the old list while it refreshes", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(OLD));
  await visible(option(page, "Old model"));
  await button(page, "Refresh").click();
  const work = await daemon.collect("Codex");
  await visible(status(page, /Listed .*, refreshing/));
  await visible(option(page, "Old model"));
  await daemon.report(work, models(NEW));
  await showsLabels(page, ["New model"]);
});

browserTest("takes over a list that was refreshed behind", async ({ page, daemon, server }) => {
  await daemon.register("Codex");
  // Two minutes are added to the age of each old list. `deadlines.test.mjs` waits for a list that is really old.
  await page.route("**/api/runtimes/*/models*", async (route) => {
    const response = await route.fetch();
    const record = await response.json();
    if (record.cached && record.models[0].id === "old") {
      record.cached_at = record.created_at = record.updated_at = new Date(Date.parse(record.cached_at) - 120_000).toISOString();
    }
    await route.fulfill({ response, json: record });
  });
  const ring = (query) =>
    fetch(`${server.url}/api/runtimes/${daemon.id("Codex")}/models${query}`, {
      method: "POST",
      headers: { authorization: "Bearer dbu_dev_a" },
    });
  await ring("");
  await daemon.answer("Codex", models(OLD));
  await page.goto("/");
  await page.evaluate(() => sessionStorage.setItem("doorbell.token", "dbu_dev_a"));
  await page.reload();
  await runtimeButton(page, /^Codex/).click();
  await visible(option(page, "Old model"));
  await visible(status(page, "Listed 2 min ago, refreshing"));
  await ring("?refresh=true");
  await daemon.answer("Codex", models(NEW));
  await showsLabels(page, ["New model"]);
  await hidden(status(page, "refreshing"));
});

browserTest("lets the age grow", async ({ page, daemon }) => {
  await page.clock.install();
  await openAnswered(page, daemon, "Codex", models(OLD));
  await visible(status(page, "Listed just now"));
  await page.clock.runFor(185_000);
  await visible(status(page, "Listed 3 min ago"));
});

browserTest("marks a fallback list", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(CATALOG, { fallback: true }));
  await visible(option(page, /Opus 5/));
  await visible(page.getByRole("note").filter({ hasText: "This list is a fallback: the runtime could not get its own." }));
});

browserTest("does not mark the runtime's own list", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(CATALOG));
  await visible(option(page, /Opus 5/));
  assert.equal(await page.getByText("fallback").count(), 0);
});

browserTest("says that the runtime manages its models", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models([], { supported: false }));
  await visible(page.getByRole("note").filter({ hasText: "Managed by this runtime." }));
});

browserTest("says that the runtime has no models", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models([]));
  await visible(page.getByText("The runtime has no models."));
  await visible(button(page, "Try again"));
});

browserTest("keeps the list when a refresh fails", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(OLD));
  await visible(option(page, "Old model"));
  const answered = daemon.answer("Codex", { status: "failed", error: "codex is not logged in" });
  await button(page, "Refresh").click();
  await answered;
  await visible(alert(page).filter({ hasText: "codex is not logged in" }));
  await visible(option(page, "Old model"));
  await visible(heading(page, "Codex"));
});
