// Bundles the extension into one file, with the licenses of what goes into it.

import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const made = await build({
  entryPoints: ["extension.js"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  target: "node18",
  external: ["vscode"],
  metafile: true,
});

const packages = Object.keys(made.metafile.inputs).map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
const texts = [...new Set(packages)].filter(Boolean).sort().map((name) => `${name}\n\n${license(name)}`);
writeFileSync("dist/LICENSES.txt", texts.join(`\n${"-".repeat(80)}\n\n`));
copyFileSync("../../LICENSE", "LICENSE");

function license(name) {
  for (const file of ["License.txt", "LICENSE", "LICENSE.md", "LICENSE.txt", "license.txt"]) {
    try {
      return readFileSync(`node_modules/${name}/${file}`, "utf8");
    } catch {}
  }
  throw new Error(`${name} comes without a license`);
}
