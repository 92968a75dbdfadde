// What the editor knows of the language: colours of words, and what may be completed. The word lists are the compiler's.

import { StreamLanguage } from "@codemirror/language";

const DOC = '"""';

export function coloured({ keywords, ops }) {
  const words = new Map([...Object.keys(ops).map((name) => [name, "variableName.function"]), ...keywords.map((word) => [word, "keyword"])]);
  return StreamLanguage.define({
    name: "archdsl",
    startState: () => ({ inDoc: false }),
    languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
    token(stream, state) {
      if (state.inDoc || stream.match(DOC)) return docstring(stream, state);
      if (stream.eatSpace()) return null;
      if (stream.match(/^#.*/)) return "comment";
      if (stream.match(/^"(\\.|[^"\\])*"?/)) return "string";
      if (stream.match(/^\d[\d_]*(\.\d+)?([eE][+-]?\d+)?[KMGT]?/)) return "number";
      if (stream.match(/^(->|==|!=|<=|>=|[-+*/^~|<>=×±%])/)) return "operator";
      const word = stream.match(/^[A-Za-z_]\w*/);
      if (!word) return stream.next() && null;
      return words.get(word[0]) ?? (/^[A-Z]/.test(word[0]) ? "typeName" : "variableName");
    },
  });
}

function docstring(stream, state) {
  state.inDoc = !stream.match(/^.*?"""/);
  if (state.inDoc) stream.skipToEnd();
  return "string";
}

// Completions: words of the language, ops with their arguments, and the names in this text.
export function completions({ keywords, ops }) {
  const known = [
    ...Object.entries(ops).map(([label, [signature, about]]) => ({ label, type: "function", detail: signature.slice(label.length), info: about })),
    ...keywords.map((label) => ({ label, type: "keyword" })),
  ];
  const labels = new Set(known.map(({ label }) => label));
  return (context) => {
    const word = context.matchBefore(/[A-Za-z_]\w*/);
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    if ((!word && !context.explicit) || /#|^[^"]*"[^"]*$/.test(before)) return null;
    const names = new Set(context.state.doc.toString().match(/[A-Za-z_]\w{2,}/g));
    const own = [...names].filter((name) => !labels.has(name) && name !== word?.text).map((label) => ({ label, type: "variable", boost: -1 }));
    return { from: word ? word.from : context.pos, options: [...known, ...own], validFor: /^\w*$/ };
  };
}
