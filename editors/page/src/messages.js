// The list of what is wrong, below the editor.

import { byId, element } from "./dom.js";

// `act` has what the buttons do: `goTo(range)` and `fix(fix)`.
export function showMessages(messages, act) {
  const list = byId("messages");
  list.replaceChildren(...messages.map((message) => entry(message, act)));
  const of = (severity) => messages.filter((message) => message.severity === severity).length;
  const count = (number, word) => (number ? `${number} ${word}${number > 1 ? "s" : ""}` : "");
  const told = [count(of("error"), "error"), count(of("warning"), "warning")].filter(Boolean).join(", ");
  const summary = byId("messages-told");
  if (summary.textContent !== (told || "No errors")) summary.textContent = told || "No errors";
  summary.className = of("error") ? "error" : of("warning") ? "warning" : "";
}

function entry(message, act) {
  const where = message.setting ? `the setting ${message.setting}` : message.place;
  const head = element("p", { class: "message" }, element("b", { class: message.severity }, `${message.severity}: `), message.message);
  if (where) head.append(" ", place(where, message.range, act));
  const notes = message.notes.map((note) => {
    const line = element("p", { class: "note" }, note.text);
    if (note.place) line.append(" ", place(note.place, note.range, act));
    return line;
  });
  const help = message.help ? [element("p", { class: "help" }, `help: ${message.help}`)] : [];
  const fixes = message.fixes.map((fix) => element("button", { type: "button", class: "fix", onclick: () => act.fix(fix) }, fix.title));
  return element("li", {}, head, ...notes, ...help, ...(fixes.length ? [element("p", { class: "fixes" }, ...fixes)] : []));
}

function place(text, range, act) {
  if (!range) return element("span", { class: "place" }, text);
  return element("button", { type: "button", class: "place", onclick: () => act.goTo(range) }, text);
}
