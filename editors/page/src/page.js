// The page: the editor at the left, controls and one view of the network at the right. `open` makes the link to the
// compiler: a socket to `archdsl serve`, or a worker that runs it in the browser. `typed` is called with each change.

import { makeControls } from "./controls.js";
import { byId, element } from "./dom.js";
import { applyFix, goTo, makeEditor, show, teach } from "./editor.js";
import { makeFile } from "./file.js";
import { showMessages } from "./messages.js";
import { makeView } from "./view.js";

const PAUSE = 120; // milliseconds after the last key
const SLOW = 400; // milliseconds after which the page says that it is compiling
const REST = 300; // milliseconds after an answer with errors until their fixes are asked for

export function start(open, typed = () => {}) {
  let known = null; // what the compiler says of the language
  let number = 0; // of the last question
  let timer = null;
  let late = null; // the timer of SLOW
  let asked = null; // the last question

  const editor = makeEditor(byId("editor"), { changed: edited, save: () => file.save() });
  const controls = makeControls(soon);
  const view = makeView(() => ask());
  const link = open({ received, lost });
  const file = makeFile(editor, link);
  makeTheme();

  function edited() {
    file.edited();
    typed();
    soon();
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  }

  function ask() {
    if (known === null) return;
    clearTimeout(timer);
    send({ text: editor.state.doc.toString(), beside: byId("beside").value, ...controls.get(), ...view.get() });
  }

  function send(question) {
    number += 1;
    asked = question;
    clearTimeout(late);
    if (link.ask(number, question)) late = setTimeout(() => (byId("view-told").textContent = "compiling"), SLOW);
  }

  function received(message) {
    const handlers = {
      welcome: () => welcome(message),
      answer: () => answered(message),
      saved: () => file.written(message.version),
      unsaved: () => file.unwritten(message),
      file: () => file.changedOnDisk(message.file),
      ready: () => (byId("view-told").textContent = ""),
      progress: () => (byId("view-told").textContent = message.text),
    };
    handlers[message.kind]?.();
  }

  function welcome({ language, file: told }) {
    if (known === null) {
      known = language;
      teach(editor, known);
      view.teach(known);
      byId("names").replaceChildren(...known.library.map((name) => element("option", { value: name })));
    }
    file.opened(told);
    ask();
  }

  // An answer to another question than the last one is of a text that is gone.
  function answered({ number: of, answer }) {
    if (of !== number || editor.state.doc.toString() !== asked.text) return;
    clearTimeout(late);
    const told = answer.failed ?? answer.refused ?? "";
    byId("view-told").textContent = told && `No answer: ${told}`;
    if (told) return view.keep();
    showMessages(answer.diagnostics, { goTo: (range) => goTo(editor, range), fix: (fix) => applyFix(editor, fix) });
    show(editor, answer.diagnostics, answer.lines);
    if (asked.fixes) return;
    if (answer.diagnostics.length) timer = setTimeout(() => send({ ...asked, fixes: true }), REST);
    if (answer.controls) controls.show(answer.controls);
    controls.showProblems(answer.diagnostics);
    byId("beside-told").textContent = answer.beside ?? "";
    if (answer.network) {
      byId("name").textContent = answer.network.name;
      byId("facts").textContent = answer.network.facts;
    }
    if (answer.view) view.show(answer.view);
    else view.keep();
  }

  function lost(opened) {
    file.lost(opened);
  }

  byId("beside").addEventListener("input", soon);
  new ResizeObserver(() => view.get().view === "figure" && soon()).observe(byId("view"));
  return { editor, file, received };
}

// Light and dark as the browser is set, until the reader chooses; on a projector dark and large.
function makeTheme() {
  const root = document.documentElement;
  const asked = window.matchMedia("(prefers-color-scheme: dark)");
  const name = () => root.dataset.theme ?? (asked.matches ? "dark" : "light");
  const show = () => (byId("theme").textContent = name() === "dark" ? "Light" : "Dark");
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = name() === "dark" ? "light" : "dark";
    show();
  });
  byId("projector").addEventListener("click", () => {
    const on = root.classList.toggle("projector");
    byId("projector").setAttribute("aria-pressed", String(on));
    if (on) root.dataset.theme = "dark";
    else delete root.dataset.theme;
    show();
  });
  asked.addEventListener("change", show);
  show();
}
