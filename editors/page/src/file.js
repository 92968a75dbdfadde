// The file behind the text: what is unsaved, and what happened to the file on disk meanwhile. Nothing is written and
// nothing is replaced that the reader has typed, unless they say so.

import { byId, element } from "./dom.js";
import { setText } from "./editor.js";

export function makeFile(editor, link) {
  let state = null; // of the file, as it was told last: name, version, writable
  let saved = null; // the text of that version; null where there is none
  let writing = null; // the text that is being written
  let open = null; // the version on disk of which the reader was told, while it is not settled which text is right

  const text = () => editor.state.doc.toString();
  const isChanged = () => state !== null && text() !== saved;

  function say(words, ...choices) {
    byId("file-told").textContent = words;
    byId("file-choices").replaceChildren(...choices.map(([name, act]) => element("button", { type: "button", onclick: act }, name)));
  }

  function sayState() {
    if (state === null) return;
    const changed = isChanged();
    document.title = `${changed ? "● " : ""}${state.name} · archdsl`;
    byId("save").disabled = !changed && state.writable && open === null;
    if (open !== null) return;
    say(changed && state.writable ? `${state.name}: unsaved changes` : state.name);
  }

  function take(told) {
    state = told;
    saved = told.text;
    open = null;
    setText(editor, told.text, editor.state.doc.length === 0);
    sayState();
  }

  // The file is not what it was: where nothing is unsaved, its new text comes at once.
  function changedOnDisk(told) {
    if (told.version === state.version) return;
    const writable = told.writable;
    if (told.problem) {
      saved = null;
      open = told.version;
      sayState();
      return say(`${told.problem}. Your text is kept here; Save writes it`);
    }
    if (text() === told.text || !isChanged()) {
      take({ ...told, writable });
      return say(`${told.name} was changed on disk, and read again`);
    }
    conflict(`${told.name} was changed on disk, and has unsaved changes here`, told);
  }

  function conflict(words, told) {
    if (open === told.version) return;
    open = told.version;
    const reload = () => take(told);
    const keep = () => write(true);
    say(words, ["Read the file, drop these changes", reload], ["Write these changes over it", keep]);
  }

  function write(overwrite) {
    if (!state.writable) return download();
    writing = text();
    if (!link.save(writing, state.version, overwrite)) say("Not saved: archdsl serve is not running. Your text is kept here", ["Download it", download]);
  }

  function download() {
    const address = URL.createObjectURL(new Blob([text()], { type: "text/plain" }));
    element("a", { href: address, download: state?.name.split("/").at(-1) ?? "net.arch" }).click();
    URL.revokeObjectURL(address);
  }

  window.addEventListener("beforeunload", (event) => isChanged() && state.writable && event.preventDefault());
  byId("save").addEventListener("click", () => write(false));

  return {
    save: () => state && write(false),
    edited: sayState,
    take,
    opened: (told) => {
      if (state === null && told.text !== undefined) return take(told);
      if (state === null) state = { ...told, version: "" };
      return changedOnDisk(told), told.version === state.version && sayState();
    },
    changedOnDisk,
    written: (version) => {
      state = { ...state, version };
      saved = writing;
      open = null;
      sayState();
      if (!isChanged()) say(`${state.name}: saved`);
    },
    unwritten: ({ problem, changed, file }) => {
      if (changed && file.text !== undefined) return conflict(`Not saved: ${problem}`, file);
      say(`Not saved: ${problem}`, ...(changed ? [["Write these changes over it", () => write(true)]] : []), ["Download it", download]);
    },
    lost: (opened) => {
      if (state === null) say(opened ? "The connection was lost" : "No connection: open the address that archdsl serve printed");
      else say("archdsl serve is not running. Your text is kept here", ["Download it", download]);
    },
  };
}
