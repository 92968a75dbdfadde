// Small helpers for elements of the page. Whatever a spec brings is set as text, never as markup.

export const byId = (id) => document.getElementById(id);

// element("button", { type: "button", onclick: save }, "Save")
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Puts options into a <select> without losing what is chosen, and leaves it alone where nothing changed.
export function setOptions(select, pairs, chosen) {
  const now = [...select.options].map((option) => [option.value, option.text]);
  if (JSON.stringify(now) !== JSON.stringify(pairs)) {
    select.replaceChildren(...pairs.map(([value, text]) => element("option", { value }, text)));
  }
  select.value = chosen;
}
