// The page without a server: a worker compiles, and the text is kept in the address.

import { askedByAddress, textInAddress } from "./address.js";
import { byId, setOptions } from "./dom.js";
import { start } from "./page.js";

const SECONDS = 30; // for an answer; then the worker is started anew
const KEEP = 500; // milliseconds after the last key until the text is in the address

// Of several questions that wait, only the last one is asked.
function openWorker({ received }) {
  let worker = null;
  let isReady = false;
  let busy = null; // the question that is being answered
  let next = null;
  let late = null;

  function begin() {
    isReady = false;
    worker = new Worker("worker.js", { type: "module" });
    worker.onmessage = ({ data }) => take(data);
    worker.onerror = () => take({ kind: "broken", problem: "worker.js cannot be loaded" });
  }

  function take(message) {
    if (message.kind === "broken") return received({ kind: "progress", text: `This page cannot run here: ${message.problem}` });
    if (message.kind === "answer") busy = null;
    if (message.kind === "ready") isReady = true;
    received(message);
    clearTimeout(late);
    send();
  }

  function send() {
    if (!isReady || busy !== null || next === null) return;
    [busy, next] = [next, null];
    worker.postMessage(busy);
    late = setTimeout(end, SECONDS * 1000);
  }

  function end() {
    worker.terminate();
    received({ kind: "answer", number: busy.number, answer: { failed: `it takes longer than ${SECONDS} s` } });
    busy = null;
    begin();
  }

  begin();
  return {
    ask: (number, question) => {
      next = { kind: "ask", number, question };
      send();
      return isReady;
    },
    save: () => false,
  };
}

// --- what is shown -----------------------------------------------------------------------------

let shownText = null; // what the address asked for
let timer = null;
const page = start(openWorker, () => {
  clearTimeout(timer);
  timer = setTimeout(keep, KEEP);
});

async function welcome() {
  const language = await (await fetch("language.json")).json();
  setOptions(byId("example"), [["", "your text"], ...language.library.map((name) => [name, name])], "");
  await show((file) => page.received({ kind: "welcome", language, file }));
}

async function show(take = page.file.take) {
  const asked = await askedByAddress(location.hash);
  const { text, problem = "" } = asked.example ? await example(asked.example) : asked;
  shownText = text ?? "";
  take({ name: `${asked.example ?? "spec"}.arch`, text: shownText, writable: false, version: "" });
  byId("example").value = text === undefined ? "" : asked.example ?? "";
  if (problem) byId("file-told").textContent = problem;
}

async function example(name) {
  const found = await fetch(`examples/${encodeURIComponent(name)}.arch`);
  return found.ok ? { text: await found.text() } : { problem: `There is no example ${name}` };
}

// Puts the text into the address, unless the address names it already.
async function keep() {
  const text = page.editor.state.doc.toString();
  if (text !== shownText) history.replaceState(null, "", await textInAddress(text));
}

byId("example").addEventListener("change", () => {
  if (byId("example").value) location.hash = `#example=${byId("example").value}`;
});
window.addEventListener("hashchange", () => show());
byId("link").addEventListener("click", async () => {
  await keep();
  await navigator.clipboard.writeText(location.href);
  byId("file-told").textContent = "The address is copied: it holds the text";
});
welcome();
