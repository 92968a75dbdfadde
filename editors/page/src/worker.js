// Runs the compiler in the browser: Python as WebAssembly, in a worker, so that the page stays awake.

import { loadPyodide } from "./pyodide.mjs";

const PLACE = "/packages";

async function start() {
  self.postMessage({ kind: "progress", text: "loading Python" });
  const [python, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL(".", self.location).href, env: { ARCHDSL_CACHE: `${PLACE}/cache`, PYDANTIC_DISABLE_PLUGINS: "__all__", HOME: "/" } }),
    fetch("packages.zip").then((found) => {
      if (!found.ok) throw new Error(`packages.zip: ${found.status}`);
      return found.arrayBuffer();
    }),
  ]);
  self.postMessage({ kind: "progress", text: "loading archdsl" });
  python.unpackArchive(archive, "zip", { extractDir: PLACE });
  python.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(PLACE)})`);
  return python.pyimport("archdsl.live.browser").reply;
}

const started = start();
started.then(() => self.postMessage({ kind: "ready" })).catch((error) => self.postMessage({ kind: "broken", problem: String(error.message ?? error) }));

self.onmessage = async ({ data }) => {
  const reply = await started;
  try {
    self.postMessage(JSON.parse(reply(JSON.stringify(data))));
  } catch (error) {
    const lines = String(error.message).split("\n").filter((line) => /^\w+(Error|Exception)?:/.test(line));
    self.postMessage({ kind: "answer", number: data.number, answer: { failed: lines.at(-1) ?? "a bug in archdsl" } });
  }
};
