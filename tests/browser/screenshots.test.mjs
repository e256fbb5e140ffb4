// The screenshots of README.md. UPDATE_SCREENSHOTS=1 writes them to `page/screenshots/`.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";

import { browserTest } from "./fixtures/context.mjs";
import { DISK_USAGE, LONG_CATALOG, UPTIME } from "./fixtures/catalogs.mjs";
import { models } from "./fixtures/daemon.mjs";
import { visible } from "./fixtures/expect.mjs";
import { openRuntime, option, status } from "./fixtures/ui.mjs";

const FOLDER = new URL("../../page/screenshots/", import.meta.url);
/** README.md loads each of them. */
const LIMIT = 150_000;
const SHOTS = {
  light: { colorScheme: "light", viewport: { width: 1_100, height: 920 } },
  dark: { colorScheme: "dark", viewport: { width: 1_100, height: 920 } },
  narrow: { colorScheme: "light", viewport: { width: 360, height: 740 } },
};

for (const [name, context] of Object.entries(SHOTS)) {
  browserTest(`takes a screenshot: ${name}`, { context }, async ({ page, daemon }) => {
    await daemon.register({ name: "Codex", type: "codex", version: "0.169.0", questions: [DISK_USAGE, UPTIME] });
    const answered = daemon.answer("Codex", models(LONG_CATALOG));
    await openRuntime(page, "Codex");
    await answered;
    await visible(option(page, /Opus 5/));
    // From the catalog now: the time of day would differ in every screenshot.
    await page.reload();
    await option(page, "GPT-6 default").click();
    await visible(status(page, "Listed just now"));
    await page.mouse.move(0, 0);
    await page.evaluate(() => document.activeElement?.blur());
    const file = new URL(`${name}.png`, FOLDER);
    const image = await page.screenshot({ animations: "disabled" });
    if (process.env.UPDATE_SCREENSHOTS === "1") {
      await mkdir(FOLDER, { recursive: true });
      await writeFile(file, image);
    }
    assert(image.length < LIMIT, `${image.length} bytes`);
    // Width and height in the header of a PNG: a committed screenshot of another size is outdated.
    const committed = await readFile(file);
    assert.deepEqual([committed.readUInt32BE(16), committed.readUInt32BE(20)], [context.viewport.width, context.viewport.height]);
  });
}
