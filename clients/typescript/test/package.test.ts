/** The packed package: what it has, and a program that uses it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { Dev } from "./support/dev.js";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const folder = await mkdtemp(join(tmpdir(), "doorbell-client-"));
after(() => rm(folder, { recursive: true }));

// Without scripts: a build would remove the files that other tests import.
const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: root });
const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];

test("has the build, its types, README and licence", () => {
  const paths = files.map(({ path }) => path);
  for (const path of ["LICENSE", "README.md", "dist/index.d.ts", "dist/index.js", "dist/schema.d.ts", "package.json"]) {
    assert.ok(paths.includes(path), `${path} is missing: ${paths.join(", ")}`);
  }
  assert.deepEqual(paths.filter((path) => !/^(dist\/[a-z]+(\.d\.ts|\.js)|LICENSE|README\.md|package\.json)$/.test(path)), []);
});

test("example compiles and prints models", async () => {
  const dev = await Dev.start();
  await writeFile(join(folder, "package.json"), '{ "type": "module", "private": true }');
  const install = ["install", `./${filename}`, "--offline", "--no-audit", "--no-fund"];
  await run("npm", install, { cwd: folder });
  await copyFile(join(root, "../../examples/models.ts"), join(folder, "models.ts"));
  const modules = join(root, "node_modules");
  const compile = ["--strict", "--exactOptionalPropertyTypes", "--target", "ES2022", "--module", "NodeNext"];
  const types = ["--types", "node", "--typeRoots", join(modules, "@types")];
  await run(process.execPath, [join(modules, "typescript/bin/tsc"), ...compile, ...types, "models.ts"], { cwd: folder });
  const env = { PATH: process.env["PATH"], DOORBELL_URL: dev.url };
  const { stdout } = await run(process.execPath, ["models.js"], { cwd: folder, env });
  assert.equal(stdout, "First [ 'Small', 'Large' ]\nSecond [ 'A', 'B' ]\n");
});
