// Prints how VS Code colours each file that is named: JSON with, for each, a list of [place, text, scope].
// Places count UTF-16 units, as editors do.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const { resolve } = createRequire(import.meta.url);
const path = (name) => new URL(`syntaxes/${name}`, import.meta.url);

await oniguruma.loadWASM(readFileSync(resolve("vscode-oniguruma/release/onig.wasm")));
const registry = new textmate.Registry({
  onigLib: {
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  },
  loadGrammar: () => textmate.parseRawGrammar(readFileSync(path("archdsl.tmLanguage.json"), "utf8"), "archdsl.json"),
});
const grammar = await registry.loadGrammar("source.archdsl");
console.log(JSON.stringify(process.argv.slice(2).map((file) => coloured(readFileSync(file, "utf8")))));

function coloured(text) {
  const pieces = [];
  let stack = textmate.INITIAL;
  let offset = 0;
  for (const line of text.split("\n")) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    for (const { startIndex, endIndex, scopes } of tokens) {
      pieces.push([offset + startIndex, line.slice(startIndex, endIndex), scopes.at(-1)]);
    }
    stack = ruleStack;
    offset += line.length + 1;
  }
  return pieces;
}
