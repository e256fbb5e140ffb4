// Choosing a model.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { CATALOG, many } from "./fixtures/catalogs.mjs";
import { models } from "./fixtures/daemon.mjs";
import { eventually, hidden, visible } from "./fixtures/expect.mjs";
import { group, openAnswered, option, options, searchBox, showsLabels, status } from "./fixtures/ui.mjs";

/** @param {(t: import("./fixtures/context.mjs").TestContext) => Promise<void>} body */
const pickerTest = (name, body) =>
  browserTest(name, async (t) => {
    await openAnswered(t.page, t.daemon, "Codex", models(CATALOG));
    await visible(option(t.page, /GPT-6 mini/));
    await body(t);
  });

pickerTest("groups models by provider", async ({ page }) => {
  assert.equal(await group(page, "openai").getByRole("option").count(), 2);
  assert.equal(await group(page, "anthropic").getByRole("option").count(), 2);
  assert.match(await group(page, "Other").getByRole("option").innerText(), /Llama on this machine/);
});

pickerTest("marks the default model", async ({ page }) => {
  await visible(options(page).filter({ hasText: /\bdefault\b/i }));
  assert.match(await options(page).filter({ hasText: /\bdefault\b/i }).innerText(), /^\s*GPT-6\b/);
});

pickerTest("filters by label and by id, whatever the case", async ({ page }) => {
  await searchBox(page).fill("sonNET");
  await showsLabels(page, ["Sonnet 5"]);
  await searchBox(page).fill("llama-local");
  await showsLabels(page, ["Llama on this machine"]);
  await searchBox(page).fill("");
  await eventually(async () => assert.equal(await options(page).count(), CATALOG.length));
});

pickerTest("says that no model matches the search", async ({ page }) => {
  await searchBox(page).fill("no such model");
  await eventually(async () => assert.equal(await options(page).count(), 0));
  await visible(status(page, /No model matches/));
});

pickerTest("shows the chosen model", async ({ page }) => {
  await option(page, /Opus 5/).click();
  await visible(status(page, /Opus 5/));
  assert.equal(await option(page, /Opus 5/).getAttribute("aria-selected"), "true");
  await option(page, /Sonnet 5/).click();
  await visible(status(page, /Sonnet 5/));
  assert.equal(await option(page, /Opus 5/).getAttribute("aria-selected"), "false");
});

pickerTest("offers thinking levels of the chosen model", async ({ page }) => {
  await option(page, "GPT-6 default").click();
  const level = page.getByLabel("Thinking level");
  await visible(level);
  assert.equal(await level.inputValue(), "medium", "the default level is selected");
  await level.selectOption({ label: "High" });
  assert.equal(await level.inputValue(), "high");
  await option(page, /Opus 5/).click();
  await hidden(level);
});

pickerTest("offers service tiers of the chosen model", async ({ page }) => {
  await option(page, "GPT-6 default").click();
  const tier = page.getByLabel("Service tier");
  await visible(tier);
  await tier.selectOption({ label: "Fast" });
  assert.equal(await tier.inputValue(), "priority");
  await option(page, /GPT-6 mini/).click();
  await hidden(tier);
});

browserTest("filters 2,000 models without a pause", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(many(2_000)));
  await visible(option(page, "Model 1999"));
  const worst = await page.evaluate(() => {
    const search = document.querySelector('input[type="search"], [role="searchbox"]');
    // From the keystroke to the layout.
    const filter = (text) => {
      const start = performance.now();
      search.value = text;
      search.dispatchEvent(new InputEvent("input", { bubbles: true }));
      document.body.getBoundingClientRect();
      return performance.now() - start;
    };
    // Texts that match all, many, few and no models. The best of several times each, because the machine may be busy.
    const texts = ["", "model", "provider-3", "1999", "zzz"];
    const rounds = Array.from({ length: 5 }, () => texts.map(filter));
    return Math.max(...texts.map((_, index) => Math.min(...rounds.map((times) => times[index]))));
  });
  // It takes 5 to 20 ms on an idle machine. Work for each pair of models would take seconds.
  assert(worst < 500, `${worst} ms`);
  await searchBox(page).fill("1999");
  await showsLabels(page, ["Model 1999"]);
});
