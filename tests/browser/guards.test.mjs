// What every test of a page relies on: a context reports errors, violations and requests to other hosts.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { launch, openContext } from "./fixtures/browser.mjs";
import { eventually } from "./fixtures/expect.mjs";

/** @type {Promise<import("playwright-core").Browser> | undefined} */
let browser;
after(async () => (await browser)?.close());

/** Runs the script on an empty page with this policy, until a matching problem is reported. */
async function reports(script, problem, policy = "default-src *") {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html", "content-security-policy": policy });
    response.end('<!doctype html><link rel="icon" href="data:,">');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  browser ??= launch();
  const { context, problems } = await openContext(await browser);
  try {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}`);
    await page.evaluate(script);
    await eventually(() => assert(problems.some((each) => problem.test(each)), `${problems}`));
  } finally {
    await context.close();
    server.closeAllConnections();
    server.close();
  }
}

test("reports an error on the console", () => reports("console.error('broken')", /^console: broken/));

test("reports an uncaught error", () => reports("setTimeout(() => { throw new Error('broken') })", /^uncaught: .*broken/));

test("reports a rejected promise", () => reports("void Promise.reject(new Error('broken'))", /^uncaught: .*broken/));

test("reports a request to another host", () =>
  reports("void fetch('http://192.0.2.1/').catch(() => {})", /^request to another host: http:\/\/192\.0\.2\.1\//));

test("reports a request to a host by name", () =>
  reports("void fetch('https://example.com/').catch(() => {})", /^request to another host: https:\/\/example\.com\//));

test("reports a violation of the policy", () => {
  const policy = "default-src 'none'";
  return reports("document.body.setAttribute('style', 'color: red')", /^content security policy: style-src/, policy);
});
