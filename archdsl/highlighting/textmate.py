"""The rules as a TextMate grammar, which VS Code and other editors read."""

from __future__ import annotations

from typing import Any

from archdsl.highlighting.rules import Kind, Rule, rules

SCOPES = {
    Kind.COMMENT: "comment.line.number-sign",
    Kind.DOCSTRING: "string.quoted.docstring",
    Kind.STRING: "string.quoted.double",
    Kind.NUMBER: "constant.numeric",
    Kind.DECLARATION: "storage.type",
    Kind.CONTROL: "keyword.control",
    Kind.LOGICAL: "keyword.operator.logical",
    Kind.CONSTANT: "constant.language",
    Kind.TYPE: "support.type",
    Kind.OP: "support.function",
    Kind.FUNCTION: "support.function.math",
    Kind.DEFINITION: "entity.name.type.class",
    Kind.BLOCK: "entity.name.type",
    Kind.STAGE: "entity.name.section",
    Kind.LABEL: "constant.other.label",
    Kind.ARGUMENT: "variable.parameter",
    Kind.FLOW: "variable.language",
    Kind.NAME: "variable.other",
    Kind.OPERATOR: "keyword.operator",
    Kind.PUNCTUATION: "punctuation",
    Kind.ERROR: "invalid.illegal",
}
"""What each kind is called in TextMate grammars, for which editors' themes have colours."""


def grammar() -> dict[str, Any]:
    """The grammar as JSON values."""
    return {
        "name": "archdsl",
        "scopeName": "source.archdsl",
        "fileTypes": ["arch"],
        "patterns": [_pattern(rule) for rule in rules()],
    }


def _pattern(rule: Rule) -> dict[str, Any]:
    names = [{"name": f"{SCOPES[kind]}.archdsl"} for kind in rule.kinds]
    if rule.end:
        return {**names[0], "begin": rule.pattern, "end": rule.end}
    return {"match": rule.pattern, "captures": {str(number): name for number, name in enumerate(names, 1)}}
