// Builds the page. `node build.mjs dist` writes it, `node build.mjs --check` compares it with the committed `dist/`, and
// `node build.mjs --tests` bundles the tests into `build/test/`, because Node.js 20 does not run TypeScript.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const shared = { bundle: true, target: "es2022", absWorkingDir: here, logLevel: "warning" };

/** The files of `dist/`: the same source and the same locked esbuild give the same bytes. */
async function files() {
  const options = { ...shared, minify: true, charset: "utf8", legalComments: "none", write: false };
  const script = await build({ ...options, entryPoints: ["src/main.ts"], format: "esm" });
  const style = await build({ ...options, entryPoints: ["page.css"] });
  const html = await readFile(join(here, "index.html"), "utf8");
  return new Map([
    ["index.html", html.replace(/^\s+/gm, "")],
    ["page.js", script.outputFiles[0].text],
    ["page.css", style.outputFiles[0].text],
  ]);
}

async function check(folder) {
  const built = await files();
  const stored = (await readdir(folder)).sort();
  let same = String(stored) === String([...built.keys()].sort());
  for (const [name, text] of built) {
    const before = await readFile(join(folder, name), "utf8").catch(() => "");
    same &&= before === text;
  }
  if (same) return;
  console.error("dist/ is not what the source gives: run `npm run build` and commit dist/");
  process.exitCode = 1;
}

async function write(folder) {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of await files()) {
    await writeFile(join(folder, name), text);
    console.log(`${join("dist", name)}  ${Buffer.byteLength(text)} bytes`);
  }
}

async function tests() {
  const out = join(here, "build", "test");
  await rm(out, { recursive: true, force: true });
  const names = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  const entryPoints = names.map((name) => join("test", name));
  await build({ ...shared, entryPoints, format: "esm", platform: "node", outdir: out, outExtension: { ".js": ".mjs" }, sourcemap: "inline" });
}

switch (process.argv[2]) {
  case "dist":
    await write(join(here, "dist"));
    break;
  case "--check":
    await check(join(here, "dist"));
    break;
  case "--tests":
    await tests();
    break;
  default:
    throw new Error("usage: node build.mjs dist | --check | --tests");
}
