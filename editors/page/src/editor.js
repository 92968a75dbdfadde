// The editor: CodeMirror with underlined mistakes, fixes, and what the compiler says at the ends of lines.

import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentService, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField, Text, Transaction } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, drawSelection, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

import { coloured, completions } from "./language.js";
import { inUnits } from "./offsets.js";

const language = new Compartment();
const setEnds = StateEffect.define();

class LineEnd extends WidgetType {
  constructor(text) {
    super();
    this.text = text;
  }
  eq(other) {
    return other.text === this.text;
  }
  toDOM() {
    const made = document.createElement("span");
    made.className = "line-end";
    made.textContent = this.text;
    return made;
  }
}

// What stands at the ends of lines moves along while one types.
const lineEnds = StateField.define({
  create: () => Decoration.none,
  update(shown, transaction) {
    for (const effect of transaction.effects) if (effect.is(setEnds)) return effect.value;
    return shown.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

const INDENT = "    ";

// A new line is as far in as the one above it, and further in where that ends with a colon.
const indentation = indentService.of((context, position) => {
  if (context.simulatedBreak === null) return null;
  const { text } = context.lineAt(position, -1);
  const own = text.match(/^ */)[0].length;
  return /:\s*(#.*)?$/.test(text) ? own + INDENT.length : own;
});

// The list of completions would keep the key for itself, and Tab after it would not leave the editor.
const leave = Prec.highest(keymap.of([{ key: "Escape", run: (view) => closeCompletion(view) && false }]));

export function makeEditor(parent, { changed, save }) {
  const extensions = [
    lineNumbers(),
    lintGutter(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    EditorState.tabSize.of(4),
    indentUnit.of(INDENT),
    indentation,
    leave,
    syntaxHighlighting(classHighlighter),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    EditorView.lineWrapping,
    highlightSelectionMatches(),
    lineEnds,
    language.of([]),
    EditorView.contentAttributes.of({ "aria-label": "Spec", "aria-describedby": "editor-keys" }),
    EditorView.updateListener.of((update) => update.docChanged && changed()),
    keymap.of([
      { key: "Mod-s", preventDefault: true, run: () => (save(), true) },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
  ];
  return new EditorView({ parent, extensions });
}

export function teach(view, known) {
  const parts = [coloured(known), autocompletion({ override: [completions(known)] })];
  view.dispatch({ effects: language.reconfigure(parts) });
}

// Replaces the text by another one, which can be undone unless it is the first.
export function setText(view, text, first = false) {
  const annotations = first ? [Transaction.addToHistory.of(false)] : [];
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: Text.of(text.split("\n")) }, annotations });
}

// Shows messages, whose offsets count characters of the text that is in the editor, and what its lines give.
export function show(view, messages, ends) {
  const text = view.state.doc.toString();
  const units = inUnits(text);
  const marks = messages.filter((message) => message.range).map((message) => mark(view, message, units));
  view.dispatch(setDiagnostics(view.state, marks));
  if (!ends) return;
  const placed = ends.map(({ line, text }) => {
    const widget = new LineEnd(text);
    return Decoration.widget({ widget, side: 1 }).range(view.state.doc.line(line).to);
  });
  view.dispatch({ effects: setEnds.of(Decoration.set(placed, true)) });
}

function mark(view, message, units) {
  const [from, to] = message.range.map((offset) => Math.min(units(offset), view.state.doc.length));
  const told = [message.message, message.help].filter(Boolean).join("\n");
  return { from, to, severity: message.severity, message: told, source: message.code, actions: message.fixes.map((fix) => ({ name: fix.title, apply: () => applyFix(view, fix) })) };
}

// Applies a fix, which was computed for the text that is in the editor.
export function applyFix(view, fix) {
  const units = inUnits(view.state.doc.toString());
  const [from, to] = fix.range.map(units);
  view.dispatch({ changes: { from, to, insert: fix.text }, userEvent: "input.fix" });
  view.focus();
}

export function goTo(view, range) {
  const units = inUnits(view.state.doc.toString());
  const [anchor, head] = range.map((offset) => Math.min(units(offset), view.state.doc.length));
  view.dispatch({ selection: { anchor, head }, scrollIntoView: true });
  view.focus();
}
