// Builds the page's script, and the licences of what is in it: `node build.mjs`, or into another folder with
// `node build.mjs FOLDER`. `node build.mjs FOLDER --playground` builds the page that needs no server, with its worker.

import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const playground = process.argv[3] === "--playground";
const folder = process.argv[2] ?? join(here, "../../archdsl/live/static");

// The licences of the packages that went into a script.
function licences({ inputs }) {
  const found = Object.keys(inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1]);
  const names = [...new Set(found.filter(Boolean))].sort();
  return names.map((name) => {
    const place = join(here, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(place, "LICENSE"), "utf8").trim()}\n`;
  });
}

const usual = { absWorkingDir: here, bundle: true, minify: true, target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning" };
const entry = playground ? "src/playground.js" : "src/served.js";
const { metafile } = await build({ ...usual, entryPoints: [entry], outfile: join(folder, "app.js"), format: "iife", metafile: true });
writeFileSync(join(folder, "app.licences.txt"), licences(metafile).join(`\n${"-".repeat(80)}\n\n`));
if (playground) {
  const worker = { entryPoints: ["src/worker.js"], outfile: join(folder, "worker.js"), format: "esm", external: ["./pyodide.mjs"] };
  await build({ ...usual, ...worker });
}
