// The controls of a network: its variants, and a row for each parameter. What the reader sets is `given`, as texts by name.

import { byId, element, setOptions } from "./dom.js";

export function makeControls(changed) {
  const given = new Map();
  const rows = new Map(); // by name: { signature, update }
  let variant = null;

  byId("variant").addEventListener("change", () => {
    variant = byId("variant").value || null;
    changed();
  });
  byId("reset").addEventListener("click", () => {
    given.clear();
    changed();
  });

  function set(name, text) {
    if (text === "") given.delete(name);
    else given.set(name, text);
    changed();
  }

  function showVariants({ variants, variant: used }) {
    if (variant !== null && !variants.includes(variant)) variant = null;
    const none = variants.length ? [["", "defaults"]] : [["", "no variants"]];
    setOptions(byId("variant"), [...none, ...variants.map((name) => [name, name])], used ?? "");
    byId("variant").disabled = !variants.length;
  }

  function showSettings(settings) {
    const shape = JSON.stringify(settings.map(({ name, type, slider }) => [name, type, slider]));
    if (byId("settings").dataset.shape !== shape) {
      byId("settings").dataset.shape = shape;
      rows.clear();
      for (const setting of settings) rows.set(setting.name, row(setting, set));
      byId("settings").replaceChildren(...[...rows.values()].map((made) => made.element));
      for (const name of given.keys()) if (!rows.has(name)) given.delete(name);
    }
    for (const setting of settings) rows.get(setting.name).update(setting, given.has(setting.name));
    byId("reset").disabled = !given.size;
  }

  return {
    get: () => ({ variant, settings: Object.fromEntries(given) }),
    show: (controls) => {
      showVariants(controls);
      showSettings(controls.settings);
    },
    // Says at a setting what is wrong with its value.
    showProblems: (messages) => {
      for (const [name, made] of rows) made.problem(messages.find((message) => message.setting === name)?.message ?? "");
    },
  };
}

function row(setting, set) {
  const id = `setting-${setting.name}`;
  const { inputs, write } = setting.type === "bool" ? checkbox(setting, id, set) : field(setting, id, set);
  const origin = element("span", { class: "origin", id: `${id}-origin` });
  const label = element("label", { for: id, title: setting.doc || null }, setting.name);
  for (const input of inputs) input.setAttribute("aria-describedby", origin.id);
  return {
    element: element("div", { class: "setting" }, label, ...inputs, origin),
    // A value that the reader has set is in its input already, and may be newer than this answer. Where the text has
    // errors there are no values: the last ones stay.
    update: (now, isGiven) => {
      if (!isGiven && (now.origin || !origin.textContent)) write(now.value ?? now.default);
      const told = isGiven ? `given; default ${now.default || "none"}` : (now.origin === "default" ? setting.doc || "default" : now.origin) || origin.textContent || "default";
      origin.textContent = told;
      origin.title = told;
    },
    problem: (text) => {
      for (const input of inputs) input.setAttribute("aria-invalid", String(Boolean(text)));
      if (text) origin.textContent = text;
    },
  };
}

function checkbox(setting, id, set) {
  const input = element("input", { id, type: "checkbox", onchange: () => set(setting.name, String(input.checked)) });
  return { inputs: [input], write: (value) => (input.checked = value === "true") };
}

// A text field, for a number with a slider before it.
function field(setting, id, set) {
  const input = element("input", { id, type: "text", spellcheck: "false", autocomplete: "off" });
  const slider = setting.slider && element("input", sliderOf(setting));
  const write = (value) => {
    input.value = value;
    if (slider) slider.value = value;
  };
  input.addEventListener("input", () => {
    if (slider) slider.value = input.value;
    set(setting.name, input.value.trim());
  });
  slider?.addEventListener("input", () => {
    input.value = slider.value;
    set(setting.name, slider.value);
  });
  return { inputs: slider ? [slider, input] : [input], write };
}

function sliderOf({ name, slider }) {
  return { type: "range", min: slider.from, max: slider.to, step: slider.step, "aria-label": `${name}, as a slider` };
}
