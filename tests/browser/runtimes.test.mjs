// The list of runtimes.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { Daemon } from "./fixtures/daemon.mjs";
import { eventually, visible } from "./fixtures/expect.mjs";
import { button, heading, openRuntime, runtimeButton, signIn } from "./fixtures/ui.mjs";

browserTest("shows name, status, device, version and last seen", async ({ page, server }) => {
  const daemon = new Daemon(server, "build-box-7");
  await daemon.register({ name: "Codex", type: "codex", version: "0.169.0" });
  await signIn(page);
  const runtime = runtimeButton(page, /^Codex/);
  await visible(runtime);
  const text = await runtime.innerText();
  for (const part of [/online/i, /build-box-7/, /0\.169\.0/, /just now|ago/]) assert.match(text, part);
});

browserTest("says that no runtime is registered", async ({ page }) => {
  await signIn(page);
  await visible(page.getByText("No runtime is registered."));
});

browserTest("shows a deregistered runtime offline after a reload", async ({ page, daemon }) => {
  await daemon.register("Codex", "Gemini");
  await signIn(page);
  await visible(runtimeButton(page, /^Codex.*online/s));
  await daemon.deregister("Codex");
  await button(page, "Reload runtimes").click();
  await visible(runtimeButton(page, /^Codex.*offline/s));
  await visible(runtimeButton(page, /^Gemini.*online/s));
});

browserTest("shows a runtime that was registered since", async ({ page, daemon }) => {
  await signIn(page);
  await visible(page.getByText("No runtime is registered."));
  await daemon.register("Codex");
  await button(page, "Reload runtimes").click();
  await visible(runtimeButton(page, /^Codex/));
});

browserTest("lists the runtimes of every page", async ({ page, daemon }) => {
  const names = Array.from({ length: 12 }, (_, index) => `Agent ${String(index).padStart(2, "0")}`);
  await daemon.register(...names);
  await page.route(/\/api\/runtimes(\?.*)?$/, (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set("limit", "5");
    return route.continue({ url: url.href });
  });
  await signIn(page);
  await eventually(async () => assert.equal(await runtimeButton(page, /^Agent/).count(), names.length));
});

browserTest("goes back and forward between list and runtime", async ({ page, daemon }) => {
  await daemon.register("Codex");
  await openRuntime(page, "Codex");
  assert.equal(new URL(page.url()).hash, `#/runtimes/${daemon.id("Codex")}`);
  await page.goBack();
  await visible(heading(page, "Runtimes"));
  await page.goForward();
  await visible(heading(page, "Codex"));
});

browserTest("opens a runtime by its address", async ({ page, daemon }) => {
  await daemon.register("Codex");
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  await page.goto(`/#/runtimes/${daemon.id("Codex")}`);
  await visible(heading(page, "Codex"));
  await page.reload();
  await visible(heading(page, "Codex"));
});

browserTest("moves the focus to the heading of the new view", async ({ page, daemon }) => {
  await daemon.register("Codex");
  await openRuntime(page, "Codex");
  await focused(page, "Codex");
  await page.goBack();
  await focused(page, "Runtimes");
});

async function focused(page, name) {
  await eventually(async () => {
    const element = await page.evaluate(() => [document.activeElement.tagName, document.activeElement.textContent.trim()]);
    assert.match(element[0], /^H\d$/);
    assert.equal(element[1], name);
  });
}
