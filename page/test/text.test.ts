import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, routeOf } from "../src/route.js";
import { jsonText, plain, shorten, textOf } from "../src/text.js";

test("shorten counts characters and keeps pairs whole", () => {
  assert.equal(shorten("👋👋👋", 3), "👋👋👋");
  assert.equal(shorten("👋👋👋👋", 3), "👋👋👋…");
  assert.equal(shorten("abc", 2), "ab…");
});

test("plain removes marks that change the direction of text", () => {
  assert.equal(plain("a\u202egnp.exe\u2066b\u0000"), "agnp.exeb");
});

test("textOf takes texts and numbers only", () => {
  assert.deepEqual([textOf("a"), textOf(3)], ["a", "3"]);
  for (const value of [undefined, null, "", " ", true, {}, [], Number.NaN]) assert.equal(textOf(value), undefined);
});

test("routes are read as they are written", () => {
  const route = { view: "runtime", id: "6f1f6b1e-5a9e-5b0f-8d5c-2f2f1f0f7a11" } as const;
  assert.deepEqual(routeOf(hashOf(route)), route);
});

test("an unknown route is the list of runtimes", () => {
  for (const hash of ["", "#", "#/", "#/runtimes/", "#/runtimes/x", "#/runtimes/../../x", "#/nothing", "#/runtimes/6f1f6b1e-5a9e-5b0f-8d5c-x"]) {
    assert.deepEqual(routeOf(hash), { view: "runtimes" }, hash);
  }
});

test("jsonText indents short values only", () => {
  assert.equal(jsonText({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}');
  const wide = Array.from({ length: 20_000 }, () => 0);
  assert.equal(jsonText(wide), JSON.stringify(wide));
  // Indented, it would have a million characters.
  const deep = "[".repeat(1_000) + "]".repeat(1_000);
  assert.equal(jsonText(JSON.parse(deep)), deep);
});

test("jsonText cuts long values", () => {
  assert.equal(jsonText("x".repeat(200_000)), `"${"x".repeat(99_999)}…\n(200002 characters in all)`);
});
