// Deadlines of the server in real time. The tests wait beside each other, in the file that `node --test` starts first.
import assert from "node:assert/strict";
import { describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { browserTest } from "./fixtures/context.mjs";
import { CATALOG, UPTIME } from "./fixtures/catalogs.mjs";
import { models } from "./fixtures/daemon.mjs";
import { visible } from "./fixtures/expect.mjs";
import { button, openAnswered, openRuntime, option, showsLabels, status } from "./fixtures/ui.mjs";

/** Pending deadline of a list of models and of a question, in milliseconds. */
const PENDING = 30_000;
/** A list of this age is refreshed behind, in milliseconds. */
const STALE = 60_000;
const OLD = [{ id: "old", label: "Old model" }];
const NEW = [{ id: "new", label: "New model" }];

describe("deadlines", { concurrency: true }, () => {
  browserTest("says that the runtime did not answer in time", async ({ page, daemon }) => {
    await daemon.register("Codex");
    await openRuntime(page, "Codex");
    const timeout = page.getByText("The runtime did not answer in time.");
    await timeout.waitFor({ timeout: PENDING + 15_000 });
    await daemon.heartbeat("Codex");
    const answered = daemon.answer("Codex", models(CATALOG));
    await button(page, "Try again").click();
    await answered;
    await visible(option(page, /Opus 5/));
  });

  browserTest("says that a question was not answered in time", async ({ page, daemon }) => {
    await daemon.register({ name: "Codex", questions: [UPTIME] });
    const answered = daemon.answer("Codex", models(CATALOG));
    await openRuntime(page, "Codex");
    await answered;
    await page.getByRole("button", { name: UPTIME.name }).click();
    await button(page, "Ask").click();
    await page.getByText("The runtime did not answer in time.").waitFor({ timeout: PENDING + 15_000 });
  });

  browserTest("refreshes an old list behind and shows the new one", async ({ page, daemon }) => {
    await openAnswered(page, daemon, "Codex", models(OLD));
    await visible(option(page, "Old model"));
    const until = Date.now() + STALE + 1_000;
    while (Date.now() < until) {
      await sleep(5_000);
      assert.deepEqual(await daemon.heartbeat("Codex"), [], "a young list causes no request");
    }
    await page.reload();
    await visible(option(page, "Old model"));
    await visible(status(page, "Listed 1 min ago, refreshing"));
    await daemon.answer("Codex", models(NEW));
    await showsLabels(page, ["New model"]);
    await visible(status(page, "Listed just now"));
  });
});
