"""Codes for errors in the text of a spec, which are found before any name is looked up."""

from __future__ import annotations

from archdsl.diagnostics import Code

CODES: dict[str, Code] = {
    # --- files
    "file-not-found": Code(
        "There is no such file.",
        "A spec is named by its path, or by its name in the library: `resnet` for `specs/resnet.arch`.",
        "$ archdsl check absent.arch\n",
        exit_code=2,
    ),
    "not-a-spec": Code(
        "The file belongs to another tool.",
        "Specs end with `.arch`, and graphs that archdsl wrote with `.json`. The help says what is read in place of "
        "this file: `archdsl import --help` lists the files of other tools that are read.",
        "$ archdsl check net.toml\n# file: net.toml\n[convolutional]\nfilters = 32\n",
        exit_code=2,
    ),
    "unreadable-file": Code(
        "The file cannot be read.",
        "It is a folder, or the system does not let it be read; the message has the system's reason.",
        "$ archdsl check .\n",
        exit_code=2,
    ),
    "file-too-large": Code(
        "The file is too large to be a spec.",
        "Specs are about a thousandth of the limit or less, so this is probably another file.",
        "$ archdsl check /dev/zero\n",
    ),
    "not-utf8": Code(
        "The file has bytes that are not UTF-8 text.",
        "The message shows the first of these bytes and where it is. Save the file as UTF-8.",
        "# Caf\udce9\nblock A: relu\n",
    ),
    "empty-file": Code(
        "The file holds no definition.",
        "A spec holds a `network`, or blocks for others to import.",
        "# To be written.\n",
    ),
    # --- characters, brackets, indentation
    "unknown-character": Code(
        "A character that means nothing in a spec.",
        "Names and signs are plain ASCII (except `×` and `±`); comments and strings may hold any text. Write Greek "
        "letters as words, and strings in double quotes.",
        "block Scaled(φ): conv(φ, 3)\n",
    ),
    "hidden-character": Code(
        "A comment, a string or a setting has an invisible character.",
        "Control characters, and characters that change the direction of text, can hide from a reader what a file "
        "says, and many programs refuse them. Tabs and line ends are allowed in docstrings.",
        'network A:\n    source "He et al.\x07 2016"\n    relu\n',
    ),
    "unterminated-string": Code(
        "A string without its closing quote.",
        'A string ends on its line. Longer text is a docstring, in `"""`.',
        'network A:\n    source "He et al. 2016\n    relu\n',
    ),
    "unclosed-bracket": Code(
        "A bracket that is never closed.",
        "Line ends do not count inside brackets, so everything after an open bracket would belong to it.",
        "block A:\n    conv(64, [3, 5)\n",
    ),
    "unmatched-bracket": Code(
        "A closing bracket that was never opened.",
        "Either it is one too many, or its opening bracket is missing.",
        "block A:\n    conv(64, 3)) -> relu\n",
    ),
    "mixed-indentation": Code(
        "Some lines are indented with tabs, others with spaces.",
        "The width of a tab depends on the editor, so it is not clear which lines belong together. `archdsl fmt` "
        "indents with four spaces.",
        "block A:\n    relu\n\tbn\n",
    ),
    "bad-indentation": Code(
        "A line is not indented as deep as any of the lines above that it could belong to.",
        "Lines that belong together begin in the same column, and only a line under a colon is indented deeper. "
        "A line that begins with `->` goes on with the one above, and is indented deeper than it.",
        "block A:\n    conv(64, 3)\n        bn\n",
    ),
    "too-deep": Code(
        "Something is nested too deeply.",
        "No network needs this, and the compiler could not process it. Name the inner parts with `let`, `path` or a "
        "block.",
        f"block A: conv({'(' * 70}3{')' * 70})\n",
    ),
    # --- the first word of a line
    "misplaced-line": Code(
        "A line stands where it has no meaning.",
        "Definitions begin at the margin. Inputs, parameters, variants and facts stand directly in a network, "
        "`elif` and `else` right under an `if`, and only chains after a colon.",
        "block A:\n    param width: int = 64\n    conv(width, 3)\n",
    ),
    "misplaced-docstring": Code(
        "A docstring that documents nothing.",
        "It has to be the first line under a network, a block or a stage. Anywhere else, write a comment.",
        'block A:\n    relu\n    """An activation."""\n',
    ),
    "unknown-keyword": Code(
        "A line begins with a word that looks like a misspelt word of the language.",
        "The message shows the word that is most like it.",
        "network A:\n    stge stem: conv(64, 7)\n",
    ),
    "bad-name": Code(
        "A name that is too long, or one of Python's own.",
        "A name has at most 100 characters, since files and modules are called after it. Names that begin with `__` "
        "have a meaning of their own in a Python class.",
        "block A(__width): conv(__width, 3)\n",
    ),
    "missing-name": Code(
        "A name is missing, or is not a possible name.",
        "A name is a letter or `_`, then letters, digits and `_`. Only variants have names that begin with a digit.",
        "network A:\n    stage 1: conv(64, 7)\n",
    ),
    "missing-colon": Code(
        "A line that others belong to does not end in a colon.",
        "Networks, blocks, stages, conditions, loops, joins with a branch a line and the names of variants are "
        "followed by a colon.",
        "block A:\n    add\n        | it\n        | conv(64, 3)\n",
    ),
    "missing-body": Code(
        "Nothing is indented under a line that ends in a colon.",
        "Write what belongs to the line below it, four spaces deeper, or write a single chain after the colon.",
        "network A:\n    stage stem:\n    stage head: flatten\n",
    ),
    # --- chains and branches
    "missing-bar": Code(
        "A branch without its bar.",
        "Under a join such as `add:` every line is a branch and begins with `|`. What comes after the join is "
        "indented less.",
        "block A:\n    add:\n        | it\n        conv(64, 3)\n",
    ),
    "stray-bar": Code(
        "A branch that belongs to no join.",
        "Branches stand in braces, `add{a | b}`, or each on its line under the join, behind a bar.",
        "block A:\n    add: it | conv(64, 3)\n",
    ),
    "missing-arrow": Code(
        "Two steps stand side by side.",
        "Write `->` between them.",
        "block A:\n    conv(64, 3) bn\n",
    ),
    "missing-brackets": Code(
        "A step is followed by its arguments without parentheses.",
        "They are written `conv(64, 3)`: in parentheses, with commas between them.",
        "block A:\n    conv 64 3\n",
    ),
    "dangling-arrow": Code(
        "There is no step before an arrow, or none after it.",
        "A long chain is broken before its arrows: the next line begins with `->`.",
        "block A:\n    conv(64, 3) ->\n        bn\n",
    ),
    "repeated-override": Code(
        "`first(...)` or `last(...)` is given twice.",
        "All arguments of the first copy stand in one pair of parentheses.",
        "block A:\n    relu * 3 first(inplace=true) first(inplace=false)\n",
    ),
    # --- expressions
    "missing-comma": Code(
        "Two arguments without a comma between them.",
        "Arguments, items of a list and settings of a variant have commas between them.",
        "block A:\n    conv(64 3)\n",
    ),
    "bad-number": Code(
        "Something begins like a number but is not one.",
        "Digits with `_` between them, a fraction, an exponent, or one of K, M, G, T right behind: `25_557_032`, "
        "`0.25`, `1e-5`, `4.1G`. In a shape `x` has blanks around it where a name follows.",
        "block A:\n    conv(10k, 3)\n",
    ),
    "single-equals": Code(
        "`=` where values are compared.",
        "`=` gives a name, `==` compares.",
        "block A(stride=1):\n    if stride = 1:\n        relu\n",
    ),
    "double-equals": Code(
        "`==` where a name is given.",
        "`=` gives a name, `==` compares.",
        "block A:\n    let hidden == 64\n    conv(hidden, 3)\n",
    ),
    "stray-colon": Code(
        "A colon after a line that cannot have lines under it.",
        "A colon stands after joins, stages, loops, conditions and paths whose lines follow. A step gets its name by "
        "`as`, a side path by `path skip = ...`.",
        "block A:\n    shortcut: conv(64, 1)\n",
    ),
    "bare-assignment": Code(
        "A line that gives a name, but does not say to what.",
        "`let` names a number, `path` a value that flows without changing the flow, `... as name` the value here.",
        "block A:\n    hidden = 64\n    conv(hidden, 3)\n",
    ),
    "chained-comparison": Code(
        "A comparison of three values.",
        "One comparison holds two; several are joined by `and`.",
        "block A(n):\n    if 1 < n < 4:\n        relu\n",
    ),
    "reserved-word": Code(
        "A word of the language is used as a name.",
        "`and`, `as`, `elif`, `else`, `false`, `for`, `if`, `in`, `not`, `or`, `repeat`, `return`, `then`, `true` and "
        "`x` can never be names. The other words of the language can.",
        "block A(repeat): conv(repeat, 3)\n",
    ),
    "foreign-syntax": Code(
        "Something is written as in Python or another language.",
        "The help shows how to write it here.",
        "block A(n):\n    conv(n ** 2, 3)\n",
    ),
    "unknown-type": Code(
        "A parameter has an unknown type.",
        "A parameter is an int, a float, a bool, a str, a list, a block or an op.",
        "network A:\n    param width: integer = 64\n    conv(width, 3)\n",
    ),
    "unknown-kind": Code(
        "An input has elements of an unknown kind.",
        "An input is of `float`, which is the default, or of `int`.",
        "network A:\n    input tokens: 128 of long\n    relu\n",
    ),
    "not-a-fact": Code(
        "An `expect` that compares nothing.",
        "A fact is a comparison; several have `;` between them.",
        "network A:\n    input image: 3 x 8 x 8\n    relu\n    expect params\n",
    ),
    "missing-reason": Code(
        "A `require` without its reason.",
        "The error quotes the reason when a setting breaks the rule.",
        "network A:\n    param depth: int = 1\n    require depth >= 1\n    relu\n",
    ),
    "unexpected-token": Code(
        "The text cannot go on like this.",
        "The message says what could stand there.",
        "block A:\n    conv(64, , 3)\n",
    ),
}
