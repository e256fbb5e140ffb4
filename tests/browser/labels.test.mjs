// Texts of machines are text, whatever is in them.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { HOSTILE_LABELS } from "./fixtures/catalogs.mjs";
import { Daemon, completed, failed, models } from "./fixtures/daemon.mjs";
import { eventually, visible } from "./fixtures/expect.mjs";
import { alert, answer, button, heading, openAnswered, openRuntime, options, runtimeButton, signIn } from "./fixtures/ui.mjs";

const LABELS = Object.values(HOSTILE_LABELS);
const MARKUP = [HOSTILE_LABELS.image, HOSTILE_LABELS.script, HOSTILE_LABELS.attribute, HOSTILE_LABELS.entity];
const HOSTILE_MODELS = LABELS.map((label, index) => ({
  id: `hostile-${index}`,
  label,
  provider: label,
  thinking: { supported_levels: [{ value: label, label, description: label }], default_level: label },
  service_tiers: [{ id: label, name: label, description: label }],
}));

/** The runtime's button, whose name begins with the runtime's. */
const named = (page, name) => runtimeButton(page, new RegExp(`^${name.replaceAll(/[^\w ]/g, "\\$&")}`));

/** No text became an element or ran. */
async function harmless(page) {
  assert.equal(await page.evaluate(() => globalThis.compromised), undefined);
  assert.equal(await page.locator("img, [onerror], [onmouseover], script:not([src])").count(), 0);
}

browserTest("shows hostile labels of models as text", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(HOSTILE_MODELS));
  await eventually(async () => assert.equal(await options(page).count(), LABELS.length));
  const texts = await options(page).evaluateAll((all) => all.map((element) => element.textContent));
  for (const label of LABELS) assert(texts.some((text) => text.includes(label)), label);
  for (const label of LABELS) {
    await options(page).filter({ hasText: label }).first().click();
    await visible(page.getByRole("status").filter({ hasText: label }));
  }
  await harmless(page);
});

browserTest("isolates labels from the text around them", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", models(HOSTILE_MODELS));
  await eventually(async () => assert.equal(await options(page).count(), LABELS.length));
  const isIsolated = await options(page)
    .filter({ hasText: HOSTILE_LABELS.override })
    .evaluate((element, label) => {
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (node.data.includes(label)) return /isolate|plaintext/.test(getComputedStyle(node.parentElement).unicodeBidi);
      }
      return false;
    }, HOSTILE_LABELS.override);
  assert.equal(isIsolated, true);
});

browserTest("keeps long labels inside of the window", async ({ page, daemon }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await openAnswered(page, daemon, "Codex", models(HOSTILE_MODELS));
  await eventually(async () => assert.equal(await options(page).count(), LABELS.length));
  const long = options(page).filter({ hasText: HOSTILE_LABELS.long });
  await long.click();
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.equal(widths[0], widths[1]);
  const { titles, isCut } = await long.evaluate((element) => {
    const elements = [element, ...element.querySelectorAll("*")];
    return {
      titles: elements.map((each) => each.title),
      isCut: elements.some((each) => getComputedStyle(each).display !== "inline" && each.scrollWidth > each.clientWidth),
    };
  });
  assert(!isCut || titles.includes(HOSTILE_LABELS.long), "a label that is cut has its full text as title");
});

browserTest("shows hostile names of runtimes and questions as text", async ({ page, server }) => {
  const daemon = new Daemon(server, HOSTILE_LABELS.script);
  const names = MARKUP.slice(0, 3);
  const questions = [{ name: "hostile", description: HOSTILE_LABELS.image }];
  await daemon.register(...names.map((name) => ({ name, version: HOSTILE_LABELS.image, questions })));
  await signIn(page);
  for (const name of names) await visible(named(page, name));
  await harmless(page);
  await named(page, names[0]).click();
  await visible(heading(page, names[0]));
  await page.getByRole("button", { name: "hostile" }).click();
  await visible(page.getByText(HOSTILE_LABELS.image).last());
  await harmless(page);
});

browserTest("keeps marks of direction out of the window's title", async ({ page, daemon }) => {
  await daemon.register(HOSTILE_LABELS.override);
  await signIn(page);
  await runtimeButton(page, /^safe/).click();
  await eventually(async () => assert.match(await page.title(), /^safe/));
  assert.doesNotMatch(await page.title(), /[\u202A-\u202E\u2066-\u2069]/);
});

browserTest("shows hostile errors as text", async ({ page, daemon }) => {
  await openAnswered(page, daemon, "Codex", failed(HOSTILE_LABELS.image));
  await visible(alert(page).filter({ hasText: HOSTILE_LABELS.image }));
  await harmless(page);
});

browserTest("shows hostile schemas and answers as text", async ({ page, daemon }) => {
  const field = { type: "string", title: HOSTILE_LABELS.script, description: HOSTILE_LABELS.attribute };
  const args_schema = { type: "object", properties: { [HOSTILE_LABELS.image]: field } };
  await daemon.register({ name: "Codex", questions: [{ name: "hostile", args_schema }] });
  const answered = daemon.answer("Codex", models([]));
  await openRuntime(page, "Codex");
  await answered;
  await page.getByRole("button", { name: "hostile" }).click();
  await page.getByRole("textbox").last().fill(HOSTILE_LABELS.entity);
  await button(page, "Ask").click();
  const work = await daemon.answer("Codex", completed({ html: HOSTILE_LABELS.script }));
  assert.deepEqual(work.args, { [HOSTILE_LABELS.image]: HOSTILE_LABELS.entity });
  await visible(answer(page));
  assert.deepEqual(JSON.parse(await answer(page).locator("pre").textContent()), { html: HOSTILE_LABELS.script });
  await harmless(page);
});

browserTest("shows hostile output of a program as text", async ({ page, daemon }) => {
  await daemon.register({ name: "Codex", questions: [{ name: "hostile" }] });
  const answered = daemon.answer("Codex", models([]));
  await openRuntime(page, "Codex");
  await answered;
  await page.getByRole("button", { name: "hostile" }).click();
  await button(page, "Ask").click();
  // The daemon's form of an answer that is no JSON.
  await daemon.answer("Codex", completed({ text: HOSTILE_LABELS.image }));
  await visible(answer(page).getByText(HOSTILE_LABELS.image, { exact: true }));
  await harmless(page);
});
