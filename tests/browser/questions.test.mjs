// Asking declared questions, and the progress of a live one.
import assert from "node:assert/strict";

import { browserTest } from "./fixtures/context.mjs";
import { APPLY, CATALOG, DISK_USAGE, UPTIME } from "./fixtures/catalogs.mjs";
import { completed, failed, models } from "./fixtures/daemon.mjs";
import { eventually, hidden, visible } from "./fixtures/expect.mjs";
import { alert, answer, button, heading, openRuntime, option, step } from "./fixtures/ui.mjs";

/** Opens a runtime that has listed its models and declares these questions. */
async function openDeclaring({ page, daemon }, ...questions) {
  await daemon.register({ name: "Codex", questions });
  const answered = daemon.answer("Codex", models(CATALOG));
  await openRuntime(page, "Codex");
  await answered;
  await visible(option(page, /Opus 5/));
  await visible(heading(page, "Questions"));
}

const open = (page, question) => page.getByRole("button", { name: question.name }).click();

const ask = (page) => button(page, "Ask").click();

const field = (page, name) => page.getByLabel(name);

/** The answer as JSON. */
async function shownAnswer(page) {
  await visible(answer(page));
  return JSON.parse(await answer(page).locator("pre").innerText());
}

browserTest("asks a question without args", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, UPTIME);
  await open(page, UPTIME);
  await ask(page);
  const work = await daemon.answer("Codex", completed({ seconds: 86_400 }));
  assert.equal(work.kind, "uptime");
  assert.equal(work.args, undefined);
  assert.deepEqual(await shownAnswer(page), { seconds: 86_400 });
});

browserTest("sends each type of field", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, DISK_USAGE);
  await open(page, DISK_USAGE);
  await field(page, /^path/).fill("/var/log");
  await field(page, /^depth/).fill("3");
  await field(page, /^threshold/).fill("0.5");
  await field(page, /^hidden/).check();
  await field(page, /^unit/).selectOption("kibibytes");
  await field(page, /^exclude/).fill("*.gz\n*.old\n");
  await field(page, /^note/).fill("weekly");
  await ask(page);
  const work = await daemon.answer("Codex", completed({ used: 12 }));
  assert.deepEqual(work.args, {
    path: "/var/log",
    depth: 3,
    threshold: 0.5,
    hidden: true,
    unit: "kibibytes",
    exclude: ["*.gz", "*.old"],
    note: "weekly",
  });
  assert.deepEqual(await shownAnswer(page), { used: 12 });
});

browserTest("leaves out optional fields that are empty", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, DISK_USAGE);
  await open(page, DISK_USAGE);
  await field(page, /^path/).fill("/");
  await ask(page);
  const work = await daemon.answer("Codex", completed(null));
  assert.deepEqual(Object.keys(work.args).filter((name) => work.args[name] !== false), ["path"]);
  await visible(answer(page));
});

browserTest("asks for required fields beside them", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, DISK_USAGE);
  await open(page, DISK_USAGE);
  await ask(page);
  await invalid(field(page, /^path/), /Enter a value/);
  await valid(field(page, /^depth/));
  assert.deepEqual(await daemon.heartbeat("Codex"), []);
});

browserTest("rejects numbers out of range beside the field", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, DISK_USAGE);
  await open(page, DISK_USAGE);
  await field(page, /^path/).fill("/");
  const errors = { 0: /1 or more/, 6: /5 or less/, 1.5: /Enter a whole number\./, three: /Enter a whole number\./ };
  for (const [wrong, error] of Object.entries(errors)) {
    await field(page, /^depth/).fill(wrong);
    await ask(page);
    await invalid(field(page, /^depth/), error);
  }
  assert.deepEqual(await daemon.heartbeat("Codex"), []);
  await field(page, /^depth/).fill("5");
  await ask(page);
  const work = await daemon.answer("Codex", completed(1));
  assert.equal(work.args.depth, 5);
  await visible(answer(page));
});

browserTest("marks the required field", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, DISK_USAGE);
  await open(page, DISK_USAGE);
  const isRequired = (name) => field(page, name).evaluate((input) => input.required || input.ariaRequired === "true");
  assert.equal(await isRequired(/^path/), true);
  assert.equal(await isRequired(/^depth/), false);
});

browserTest("takes args that no form covers as JSON", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, APPLY);
  await open(page, APPLY);
  const args = field(page, "Arguments (JSON)");
  await args.fill("[{");
  await ask(page);
  await invalid(args, /not JSON/);
  await args.fill('[{"step": 1}]');
  await ask(page);
  const work = await daemon.answer("Codex", completed("done"));
  assert.deepEqual(work.args, [{ step: 1 }]);
  assert.equal(await shownAnswer(page), "done");
});

browserTest("shows each step of a live question with its time", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, UPTIME);
  await open(page, UPTIME);
  await ask(page);
  await visible(step(page, "Rung"));
  const work = await daemon.collect("Codex");
  await eventually(async () => {
    assert.match(await step(page, "Collected").innerText(), /\d/);
    assert.doesNotMatch(await step(page, "Answered").innerText(), /\d/);
    assert.equal(await page.locator('[aria-current="step"]').count(), 1);
  });
  await daemon.report(work, completed(1));
  await visible(answer(page));
  for (const name of ["Rung", "Collected", "Answered"]) assert.match(await step(page, name).innerText(), /\d/);
});

browserTest("shows the steps of a live list of models", async ({ page, daemon }) => {
  await daemon.register("Codex");
  await openRuntime(page, "Codex");
  await visible(step(page, "Rung"));
  const work = await daemon.collect("Codex");
  await eventually(async () => assert.match(await step(page, "Collected").innerText(), /\d/));
  await daemon.report(work, models(CATALOG));
  await visible(option(page, /Opus 5/));
});

browserTest("shows the progress that the runtime reports", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, UPTIME);
  await open(page, UPTIME);
  await ask(page);
  const work = await daemon.collect("Codex");
  await daemon.report(work, { status: "running", progress: { scanned: 4_217 } });
  await visible(page.getByText(/4217/));
  await daemon.report(work, completed(1));
  await visible(answer(page));
});

browserTest("cancels a question", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, UPTIME);
  await open(page, UPTIME);
  await ask(page);
  const work = await daemon.collect("Codex");
  await button(page, "Cancel").click();
  await visible(page.locator('[role="alert"], [role="status"]').filter({ hasText: /cancel+ed/i }));
  await hidden(button(page, "Cancel"));
  const late = await daemon.report(work, completed("late"));
  assert.equal(late.cancelled, true);
  assert.equal(await answer(page).count(), 0);
});

browserTest("shows why a question failed", async ({ page, daemon }) => {
  await openDeclaring({ page, daemon }, UPTIME);
  await open(page, UPTIME);
  await ask(page);
  await daemon.answer("Codex", failed("the program printed no JSON"));
  await visible(alert(page).filter({ hasText: "the program printed no JSON" }));
});

/** Waits until the field is marked as invalid and the error describes it. */
async function invalid(locator, error) {
  await eventually(async () => {
    assert.equal(await locator.getAttribute("aria-invalid"), "true");
    const descriptions = await locator.evaluate((input) =>
      (input.getAttribute("aria-describedby") ?? "")
        .split(/\s+/)
        .map((id) => document.getElementById(id))
        .filter((element) => element?.checkVisibility())
        .map((element) => element.textContent),
    );
    assert(descriptions.some((text) => error.test(text)), `${descriptions}`);
  });
}

async function valid(locator) {
  assert.notEqual(await locator.getAttribute("aria-invalid"), "true");
}
