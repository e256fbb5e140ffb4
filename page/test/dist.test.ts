// The committed files are what is delivered, so they are what is checked.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const FILES = ["index.html", "page.css", "page.js"];
const read = (name: string): string => readFileSync(`dist/${name}`, "utf8");

test("dist has the three files and less than 60 KB", () => {
  assert.deepEqual(readdirSync("dist").sort(), FILES);
  const bytes = FILES.reduce((sum, name) => sum + Buffer.byteLength(read(name)), 0);
  assert.ok(bytes < 60_000, `${bytes} bytes`);
});

test("nothing turns text into markup or code", () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\b|new Function|setTimeout\(["'`]/;
  for (const name of FILES) assert.doesNotMatch(read(name), forbidden, name);
});

test("markup has no inline script, handler or style", () => {
  const html = read("index.html");
  assert.doesNotMatch(html, /\son\w+\s*=|\sstyle\s*=|<style|<script(?![^>]*\ssrc=)|javascript:/i);
});

test("script sets no style, which the policy would block", () => {
  assert.doesNotMatch(read("page.js"), /\.style\b|"style"|cssText/);
});

test("no file names another host", () => {
  for (const name of FILES) assert.doesNotMatch(read(name), /\b(?:https?|wss?):\/\/[\w[]|["'(=]\/\/|@import/, name);
});

test("links are relative, so that the page may be below a path", () => {
  const links = [...read("index.html").matchAll(/(?:href|src)="?([^"\s>]+)/g)].map((match) => match[1]);
  assert.deepEqual(links, ["data:,", "page.css", "page.js"]);
});
