// How the page is served: headers, weight, and what its files may not contain.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";

import { browserTest } from "./fixtures/context.mjs";
import { heading, signIn } from "./fixtures/ui.mjs";
import { visible } from "./fixtures/expect.mjs";

const DIST = new URL("../../page/dist/", import.meta.url);
const PATHS = ["/", "/page.js", "/page.css", "/page.json"];
const DIRECTIVES = ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"];
const MARKUP_WRITERS = [
  "innerHTML",
  "outerHTML",
  "insertAdjacentHTML",
  "document.write",
  "createContextualFragment",
  "srcdoc",
  "eval(",
  "new Function",
];

browserTest("serves a strict content security policy on every path", async ({ server }) => {
  for (const path of PATHS) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    const policy = response.headers.get("content-security-policy");
    for (const directive of DIRECTIVES) assert(policy.split(/;\s*/).includes(directive), `${path}: ${policy}`);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/, path);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(response.headers.get("referrer-policy"), "no-referrer", path);
  }
});

const INLINE = { expectedErrors: [/inline script/i, /^content security policy: script-src-elem inline/] };

browserTest("runs no inline script", INLINE, async ({ page }) => {
  await page.goto("/");
  const hasRun = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.inline = true";
    document.body.append(script);
    return globalThis.inline === true;
  });
  assert.equal(hasRun, false);
});

browserTest("loads less than 60 KB", async ({ page }) => {
  const responses = [];
  page.on("response", (response) => responses.push(response));
  await page.goto("/");
  await visible(heading(page, "Sign in"));
  const bodies = await Promise.all(responses.map((response) => response.body()));
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  assert(bytes < 60_000, `${bytes} bytes`);
  assert(responses.length <= PATHS.length, responses.map((response) => response.url()).join(" "));
});

browserTest("calls only the API after its files are loaded", async ({ page }) => {
  const paths = [];
  page.on("request", (request) => paths.push(new URL(request.url()).pathname));
  await signIn(page);
  await visible(heading(page, "Runtimes"));
  assert.deepEqual(paths.filter((path) => !PATHS.includes(path) && !path.startsWith("/api/")), []);
});

browserTest("serves the committed files", async ({ server }) => {
  const served = { "index.html": "/", "page.js": "/page.js", "page.css": "/page.css" };
  assert.deepEqual((await readdir(DIST)).sort(), Object.keys(served).sort());
  for (const [file, path] of Object.entries(served)) {
    const response = await fetch(server.url + path);
    assert.equal(await response.text(), await readFile(new URL(file, DIST), "utf8"), file);
  }
});

browserTest("writes no markup from text", async () => {
  const script = await readFile(new URL("page.js", DIST), "utf8");
  assert.deepEqual(MARKUP_WRITERS.filter((name) => script.includes(name)), []);
});
