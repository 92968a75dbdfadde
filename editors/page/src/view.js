// The right side: one view of the network at a time. Where the text has mistakes, the last good view stays, marked as old.

import { byId, setOptions } from "./dom.js";

const NAMES = ["figure", "table", "code"];

export function makeView(changed) {
  let chosen = "figure";
  const shown = byId("view");

  function choose(name) {
    if (name === chosen) return;
    chosen = name;
    for (const other of NAMES) {
      const tab = byId(`tab-${other}`);
      tab.setAttribute("aria-selected", String(other === name));
      tab.tabIndex = other === name ? 0 : -1;
      byId(`options-${other}`).hidden = other !== name;
    }
    shown.setAttribute("aria-labelledby", `tab-${name}`);
    changed();
  }

  for (const name of NAMES) byId(`tab-${name}`).addEventListener("click", () => choose(name));
  byId("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = NAMES[(NAMES.indexOf(chosen) + step + NAMES.length) % NAMES.length];
    choose(next);
    byId(`tab-${next}`).focus();
  });
  byId("figure-kind").addEventListener("change", changed);
  byId("table-rows").addEventListener("change", changed);
  byId("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(shown.querySelector("pre")?.textContent ?? "");
    byId("copy-told").textContent = "copied";
    setTimeout(() => (byId("copy-told").textContent = ""), 2000);
  });

  return {
    teach: ({ figures, rows }) => {
      setOptions(byId("figure-kind"), figures.map(([name, about]) => [name, `${name}: ${about}`]), figures[0][0]);
      setOptions(byId("table-rows"), rows.map((name) => [name, `a row for each ${name}`]), rows[0]);
    },
    // What to ask for: the view, and the room that there is for it, in points of normal type.
    get: () => {
      const size = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      const width = Math.min(Math.max(shown.clientWidth / size, 200), 4000);
      const aspect = Math.min(Math.max(shown.clientWidth / shown.clientHeight, 0.25), 4);
      return { view: chosen, figure: byId("figure-kind").value, rows: byId("table-rows").value, width, aspect };
    },
    show: (view) => {
      shown.dataset.shows = chosen;
      shown.classList.remove("old");
      byId("old").hidden = true;
      if (view.problem !== undefined) shown.replaceChildren(text("p", view.problem));
      else if (view.text !== undefined) shown.replaceChildren(text("pre", view.text));
      else shown.innerHTML = view.svg ?? view.html; // written by the compiler, with everything of the spec escaped
    },
    // There is no new view: what is shown is of an earlier text.
    keep: () => {
      const isThere = shown.dataset.shows === chosen;
      if (!isThere) shown.replaceChildren(text("p", "There is nothing to show until the errors are mended."));
      shown.classList.toggle("old", isThere);
      byId("old").hidden = !isThere;
    },
  };
}

function text(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}
