// Everything works without a mouse.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { CATALOG, DISK_USAGE } from "./fixtures/catalogs.mjs";
import { completed, models } from "./fixtures/daemon.mjs";
import { eventually, visible } from "./fixtures/expect.mjs";
import { USER, answer, heading, option, options, status } from "./fixtures/ui.mjs";

/** Presses Tab until the focused element matches; fails when it is not reached. */
async function tabTo(page, name, key = "Tab") {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent;
      return label.trim();
    });
    if (name.test(focused)) return;
  }
  assert.fail(`${name} is not reached by ${key}`);
}

/** From the loaded page to the view of the runtime, by keys. */
async function enter({ page, daemon }, ...questions) {
  await daemon.register({ name: "Codex", questions });
  await page.goto("/");
  await tabTo(page, /^Token/);
  await page.keyboard.type(USER);
  await page.keyboard.press("Enter");
  await visible(heading(page, "Runtimes"));
  const answered = daemon.answer("Codex", models(CATALOG));
  await tabTo(page, /^Codex/);
  await page.keyboard.press("Enter");
  await visible(heading(page, "Codex"));
  await answered;
  await visible(option(page, /Opus 5/));
}

/** The label of the option that the keys have reached. */
async function activeOption(page) {
  return page.evaluate(() => {
    const active = document.activeElement;
    const id = active.getAttribute("aria-activedescendant");
    return (id ? document.getElementById(id) : active).textContent.trim();
  });
}

async function reaches(page, key, label) {
  await page.keyboard.press(key);
  await eventually(async () => assert((await activeOption(page)).startsWith(label), `${key}: ${await activeOption(page)}`));
}

browserTest("picks a model", async ({ page, daemon }) => {
  await enter({ page, daemon });
  await tabTo(page, /^Search models/);
  await page.keyboard.type("sonnet");
  await eventually(async () => assert.equal(await options(page).count(), 1));
  await tabToList(page);
  if (!(await activeOption(page)).startsWith("Sonnet 5")) await reaches(page, "ArrowDown", "Sonnet 5");
  await page.keyboard.press("Enter");
  await visible(status(page, /Sonnet 5/));
});

browserTest("moves in the list by arrows, Home, End and typing", async ({ page, daemon }) => {
  await enter({ page, daemon });
  const labels = (await options(page).allInnerTexts()).map((text) => text.trim().split("\n")[0].trim());
  await tabToList(page);
  await reaches(page, "Home", labels[0]);
  await reaches(page, "ArrowDown", labels[1]);
  await reaches(page, "ArrowDown", labels[2]);
  await reaches(page, "ArrowUp", labels[1]);
  await reaches(page, "End", labels.at(-1));
  await reaches(page, "Home", labels[0]);
  await page.keyboard.type("son");
  await eventually(async () => assert((await activeOption(page)).startsWith("Sonnet 5"), await activeOption(page)));
});

browserTest("asks a question", async ({ page, daemon }) => {
  await enter({ page, daemon }, DISK_USAGE);
  await tabTo(page, /disk_usage/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^path/);
  await page.keyboard.type("/var");
  await tabTo(page, /^hidden/);
  await page.keyboard.press("Space");
  await tabTo(page, /^Ask$/);
  await page.keyboard.press("Enter");
  const work = await daemon.answer("Codex", completed({ used: 12 }));
  assert.equal(work.args.path, "/var");
  assert.equal(work.args.hidden, true);
  await visible(answer(page));
});

browserTest("leaves every element that takes the focus", async ({ page, daemon }) => {
  await enter({ page, daemon }, DISK_USAGE);
  await tabTo(page, /^Sign out/);
  await tabTo(page, /disk_usage/);
  await tabTo(page, /^Search models/, "Shift+Tab");
  await tabTo(page, /^Sign out/, "Shift+Tab");
});

browserTest("shows which element has the focus", async ({ page, daemon }) => {
  await enter({ page, daemon }, DISK_USAGE);
  const seen = [];
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const id = element.getAttribute("aria-activedescendant");
      const marked = [element, id ? document.getElementById(id) : null].filter(Boolean);
      const isMarked = marked.some((each) => {
        const style = getComputedStyle(each);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
      });
      return { isMarked, element: element.outerHTML.slice(0, 120) };
    });
    if (focus) seen.push(focus);
  }
  assert(seen.length >= 5, `${seen.length} elements took the focus`);
  assert.deepEqual(seen.filter((focus) => !focus.isMarked), []);
});

/** Tabs from the search to the list or to its first option. */
async function tabToList(page) {
  for (let presses = 0; presses < 10; presses += 1) {
    await page.keyboard.press("Tab");
    const isInside = await page.evaluate(() => document.activeElement.closest('[role="listbox"]') !== null);
    if (isInside) return;
  }
  assert.fail("the list is not reached by Tab");
}
