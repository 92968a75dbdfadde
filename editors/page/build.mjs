// Builds the page's script, and the licences of what is in it: `npm run build`, or into another folder with `-- FOLDER`.

import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
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

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["src/served.js"],
  outfile: join(folder, "app.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
});
writeFileSync(join(folder, "app.licences.txt"), licences(metafile).join(`\n${"-".repeat(80)}\n\n`));
