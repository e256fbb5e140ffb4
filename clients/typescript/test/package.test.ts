/** The packed package: what it has, and a program that uses it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join, resolve } from "node:path";
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

test("commands of README build and install it in a fresh clone", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const commands = /```sh\n([^]*?)```/.exec(readme)?.[1];
  assert.ok(commands !== undefined);
  const clone = join(folder, "clone");
  const built = ["node_modules", "dist", "dist-test", "LICENSE"];
  await mkdir(clone);
  await copyFile(join(root, "../../LICENSE"), join(clone, "LICENSE"));
  // npm would otherwise install into a folder above.
  await writeFile(join(clone, "package.json"), '{ "private": true }');
  await cp(root, join(clone, "clients/typescript"), { recursive: true, filter: (path) => !built.includes(basename(path)) });
  // Without the compiler that `npm test` adds to the path. The cache has the packages that these tests use.
  const path = process.env["PATH"]?.split(delimiter).filter((entry) => !entry.includes("node_modules"));
  const env = { ...process.env, PATH: path?.join(delimiter), npm_config_prefer_offline: "true" };
  await run("sh", ["-ec", commands], { cwd: clone, env });
  const main = join(clone, "node_modules/doorbell-client/dist/index.js");
  assert.match(await readFile(main, "utf8"), /DoorbellClient/);
});
