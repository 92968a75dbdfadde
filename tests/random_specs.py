"""Random specs that use the whole language: what the tests by property and `make fuzz` compile.

A spec is drawn as a template. Where the network uses a block with a number, the template has two of them, `⟨8¦16⟩`:
`spec(template, 0)` takes the first of each pair, `spec(template, 1)` the second. So two specs have the same blocks and
use them with other arguments. Not all of what is drawn compiles; most does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTHS = (4, 8, 12, 16)
PAIR = re.compile("⟨([^⟨⟩¦]*)¦([^⟨⟩¦]*)⟩")


def spec(template: str, side: int) -> str:
    """The first or the second spec of a template."""
    return PAIR.sub(lambda pair: pair[side + 1], template)


def template(seed: int) -> str:
    """The template of a seed: the same text each time."""
    return _Writer(random.Random(seed)).template()


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of a block: its declaration, and what a use may give for it."""

    name: str
    declared: str
    values: tuple[str, ...]


PARAMETERS = (
    _Parameter("k", "k=3", ("1", "3", "5")),
    _Parameter("k", "k: int = 1", ("1", "3", "5")),
    _Parameter("stride", "stride=1", ("1", "1", "2")),
    _Parameter("expand", "expand=2", ("1", "2", "3")),
    _Parameter("mid", "mid=w // 2", ("4", "8", "6")),
    _Parameter("mid", "mid=round_to(w * 0.75, 4)", ("4", "8", "12")),
    _Parameter("gate", "gate=false", ("true", "false")),
    _Parameter("gate", "gate: bool = true", ("true", "false")),
    _Parameter("ws", "ws=[4, 8]", ("[4, 8]", "[8, 4]", "[8, 12]", "[16]", "[4, 4, 8]")),
    _Parameter("rows", "rows=[[4, 3], [8, 1]]", ("[[8, 3]]", "[[8, 1], [4, 3]]", "[[4, 1], [8, 3], [4, 5]]")),
    _Parameter("act", "act: op = relu", ("relu", "silu", "relu", "leaky_relu(0.2)")),
    _Parameter("norm", "norm: op = bn", ("bn", "group_norm(2)", "bn")),
    _Parameter("p", "p=0.1", ("0.1", "0.2", "0.35")),
    _Parameter("groups", "groups=2", ("1", "2", "4")),
    _Parameter("n", "n=2", ("1", "2", "3")),
)


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    parameters: tuple[_Parameter, ...]


class _Writer:
    """Draws one template. `blocks` are those that may be used by what is written next."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.blocks: list[_Block] = []
        self.names = 0
        self.shared: list[str] = []

    def template(self) -> str:
        blocks = "".join(self.block(index) for index in range(self.random.randint(1, 3)))
        network = self.network()
        return f"{network}{blocks}{self.fixed()}"

    # --- drawing ---------------------------------------------------------------------------

    def one(self, choices: Sequence[str]) -> str:
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def pair(self, values: Sequence[object]) -> str:
        """A number of a use: in half of all cases the same one in both specs."""
        first = str(self.random.choice(values))
        second = first if self.chance(0.5) else str(self.random.choice(values))
        return first if first == second else f"⟨{first}¦{second}⟩"

    # --- blocks ----------------------------------------------------------------------------

    def block(self, index: int) -> str:
        drawn = self.random.sample(PARAMETERS, self.random.randint(0, 5))
        parameters = {parameter.name: parameter for parameter in drawn}
        declared = ["w", *(parameter.declared for parameter in parameters.values())]
        if self.blocks and self.chance(0.3):
            used = self.one([block.name for block in self.blocks])
            parameters["unit"] = _Parameter("unit", f"unit: block = {used}", tuple(b.name for b in self.blocks))
            declared.append(parameters["unit"].declared)
        lines = _Body(self, set(parameters)).lines()
        name = f"B{index}"
        self.blocks.append(_Block(name, tuple(parameters.values())))
        doc = ['"""A block."""'] if self.chance(0.2) else []
        return f"block {name}({', '.join(declared)}):\n" + "".join(f"    {line}\n" for line in [*doc, *lines])

    def use(self, width: str, value: Callable[[_Parameter], str]) -> str:
        """A block applied, with copies now and then."""
        block = self.random.choice(self.blocks)
        given = [f"{p.name}={value(p)}" for p in block.parameters if self.chance(0.5)]
        text = f"{block.name}({', '.join([width, *given])})"
        if self.chance(0.25):
            text += f" * {self.random.randint(1, 3)}"
            for end in ("first", "last"):
                own = [p for p in block.parameters if p.name not in ("unit", "ws", "rows")]
                if own and self.chance(0.4):
                    parameter = self.random.choice(own)
                    text += f" {end}({parameter.name}={value(parameter)})"
        return text

    def fixed(self) -> str:
        """Blocks of several inputs and outputs, a recursive one, one for sharing, one that is given a block."""
        step = self.one(["conv(w, 3)", "conv(w, 1) -> relu", "bn -> conv(w, 3)"])
        back = self.one(["return cur, it", "return it, cur", "return q, it"])
        inner = self.one(["conv(it.channels, 3)", "conv(w, 3) -> relu", "bn -> conv(it.channels, 1)"])
        down = self.one(["max_pool(2) -> conv(it.channels, 1)", "conv(it.channels, 3, stride=2)"])
        return (
            f"block Cell(w, gate=false) from prev, cur:\n    path q = prev -> conv(w, 1)\n"
            f"    if gate:\n        cur -> relu\n    concat{{q | cur -> relu}} -> {step}\n    {back}\n"
            "block Fuse(ws) from *xs:\n    parallel:\n"
            "        | for i in range(len(ws)): add{for j in range(len(xs)): xs[j] -> conv(ws[i], 3)}\n"
            "block Join(w) from first, *others:\n    concat{first | *others} -> conv(w, 1)\n"
            f"block Rec(depth, w=4):\n    conv(w, 1) -> add{{{inner.replace('it.channels', 'w')} | "
            f"{down} -> if depth > 1 then Rec(depth - 1, w) else identity -> upsample(2)}}\n"
            "block Head(w, k=1):\n    conv(w, k) -> relu\n"
            "block With(m: block, w=4):\n    conv(w, 1) -> m -> relu\n"
        )

    # --- the network -----------------------------------------------------------------------

    def network(self) -> str:
        several = self.chance(0.2)
        lines = [
            f"param classes: int = {self.one(['3', '5', '10'])}",
            f"param width: int = {self.random.choice(WIDTHS)}",
            f"param rate: float = {self.one(['0.1', '0.25', '0.5'])}",
            "param eps: float = 0.001",
            f"param copies: int = {self.random.randint(1, 3)}",
        ]
        lines += ["scaling:\n        wide = width * 2"] if self.chance(0.3) else []
        self.wide = "wide" if len(lines) > 5 else "width * 2"
        lines += [
            self.one(["defaults: conv(bias=false)", "defaults: bn(eps=eps), conv(bias=false)", "defaults: bn(eps=eps)"])
        ]
        lines += [self.one(["init: conv(kaiming)", "init: conv(normal(0.01)), bn(0)"])] if self.chance(0.3) else []
        lines += ["input image: 4 x 8 x 8", *(["input other: 4 x 8 x 8"] if several else [])]
        if self.chance(0.5):
            self.shared = ["head"]
            lines.append(
                f"shared head = {self.one(['Head(4)', 'conv(4, 3)', 'Head(4, k=3)', self.blocks[0].name + '(4)'])}"
            )
        lines += ["concat{image | other -> conv(4, 1)}"] if several else []
        for index in range(self.random.randint(1, 3)):
            lines += self.stage(index)
        lines += self.end()
        return "network Net:\n" + "".join(f"    {line}\n" for line in lines)

    def stage(self, index: int) -> list[str]:
        body = [self.line() for _ in range(self.random.randint(1, 3))]
        name = f"s{index}"
        lines = [f"stage {name}:", *(f"    {line}" for text in body for line in text.split("\n"))]
        if len(body) == 1 and "\n" not in body[0] and self.chance(0.5):
            lines = [f"stage {name}: {body[0]}"]
        if self.chance(0.25):
            lines += [f"path c{index} = it -> conv(4, 1)"]
            count = self.one(["1", "2", "copies"])
            lines += [
                f"({name}, c{index}) -> Cell({self.pair(WIDTHS)}{self.one(['', ', gate=true'])}) * {count}"
                f" as (u{index}, w{index})",
                f"concat{{u{index} | w{index}}}",
            ]
        if self.chance(0.15):
            lines += [
                f"parallel{{conv(8, 1) | conv(4, 3)}} -> Fuse({self.pair(['[4, 8]', '[8]', '[4, 4, 4]'])}) -> concat"
            ]
        if self.chance(0.15):
            lines += [f"({name}, it) -> Join({self.pair(WIDTHS)})"]
        if self.chance(0.15):
            rows = self.one(["[[4, 3]]", "[[4, 1], [8, 3]]", "[[width, 3], [8, 1], [4, 3]]"])
            lines += [f"for i, row in enumerate({rows}):", f"    stage q{index}at{{i}}: conv(*row) -> {self.step()}"]
        if self.chance(0.2):
            training = self.one(["", " training"])
            lines += [f"output o{index}{training}: {name} -> {self.one([*self.lent(), 'conv(2, 1)', 'Head(2)'])}"]
        return lines

    def lent(self) -> list[str]:
        """Ways to use the shared module, which takes 4 channels."""
        return [f"conv(4, 1) -> {name}" for name in self.shared] * 2

    def line(self) -> str:
        if self.chance(0.15):
            name = self.name()
            count, step = self.one(["2", "3", "copies"]), self.one(["conv(4 + 4 * i, 3)", "conv(width, 1)"])
            text = f"repeat {count} as i:\n    {step} as {name}\n"
            if self.chance(0.3):
                text += f"    output {name}o{self.one(['', ' training'])}: {name} -> conv(2, 1)\n"
            return text + f"    {self.one([*self.lent(), 'relu', 'concat{it | ' + name + ' -> relu}', self.used()])}"
        if self.chance(0.1):
            name = self.name()
            return f"path {name} = {self.step()}\nconcat{{it -> global_avg_pool | {name} -> global_avg_pool}}"
        if self.chance(0.1):
            name = self.name()
            return f"let {name} = {self.one(['width // 2', 'width + 4', 'it.channels * 2'])}\nconv({name}, 3)"
        return " -> ".join(self.step() for _ in range(self.random.randint(1, 3)))

    def step(self) -> str:
        width = self.one([self.pair(WIDTHS), "width", self.wide])
        steps = [
            f"conv({width}, {self.pair((1, 3, 5))}) -> bn -> relu",
            "bn -> silu",
            "dropout(rate)",
            "mul{it | sigmoid}",
        ]
        steps += [
            f"add{{conv(4, 1) | {self.used()} -> resize(input) -> conv(4, 1)}}".replace("input", "it"),
            *self.lent(),
        ]
        steps += [
            f"Rec({self.pair((1, 2, 3))}, w={self.pair(WIDTHS)})",
            f"With(Head({self.random.choice(WIDTHS)}), w={self.pair(WIDTHS)})",
        ]
        steps += [f"With({name})" for name in self.shared]
        steps += [f"if {self.one(['width > 6', 'copies > 1'])} then {self.used()} else relu"]
        return self.one([*steps, *(self.used() for _ in range(8))])

    def used(self) -> str:
        """A block used by the network, with numbers of its own in each spec."""
        width = self.one([self.pair(WIDTHS), self.pair(WIDTHS), "width"])
        return self.use(width, lambda parameter: self.given(parameter))

    def given(self, parameter: _Parameter) -> str:
        if parameter.name == "p" and self.chance(0.5):
            return "rate"
        if parameter.name in ("unit", "act", "norm"):
            return self.one(parameter.values)
        return self.pair(parameter.values)

    def end(self) -> list[str]:
        if self.chance(0.3):
            return []
        return [f"stage out: global_avg_pool -> flatten{self.one(['', ' -> dropout(rate)'])} -> linear(classes)"]


class _Body:
    """Draws the text of a block out of the parameters that it has."""

    def __init__(self, writer: _Writer, has: set[str]) -> None:
        self.writer, self.has = writer, has
        self.one, self.chance = writer.one, writer.chance
        self.widths = ["w", "w", "w * 2", "8", *(["mid"] if "mid" in has else [])]
        self.widths += ["w * expand"] if "expand" in has else []
        self.widths += ["ws[0]", "sum(ws)", "ws[-1]"] if "ws" in has else []
        self.widths += ["rows[0][0]", "sum([wide for wide, size in rows])"] if "rows" in has else []

    def lines(self) -> list[str]:
        lines: list[str] = []
        if self.chance(0.4):
            source = self.one(["w * 2", "input.channels * 2", "w // 2", "input.channels + w", "max(w, 8)"])
            source = self.one([source, "input.channels * expand"]) if "expand" in self.has else source
            lines.append(f"let h = {source}")
            self.widths += ["h", "h"]
        named: list[str] = []
        for _ in range(self.writer.random.randint(1, 3)):
            lines += self.statement(named)
        if "stride" in self.has and self.chance(0.7):
            lines += self.shortcut()
        return lines

    def statement(self, named: list[str]) -> list[str]:
        kinds = [
            self.plain,
            self.plain,
            self.condition,
            self.branches,
            self.repeated,
            self.path,
            self.split,
            self.shared,
            self.biased,
        ]
        kinds += [self.listed] if "ws" in self.has else []
        kinds += [self.tabled] * 2 if "rows" in self.has else []
        if named and self.chance(0.4):
            return [f"concat{{it | {self.one(named)} -> {self.step()}}}"]
        kind = self.writer.random.choice(kinds)
        return kind(named)

    def plain(self, named: list[str]) -> list[str]:
        return [" -> ".join(self.step() for _ in range(self.writer.random.randint(1, 2)))]

    def path(self, named: list[str]) -> list[str]:
        named.append(self.writer.name())
        return [self.one([f"path {named[-1]} = {self.step()}", f"{self.step()} as {named[-1]}"])]

    def split(self, named: list[str]) -> list[str]:
        name = self.writer.name()
        return [f"conv(w * 2, 1) -> split(2) as ({name}a, {name}b)", f"concat{{{name}b | {name}a -> {self.step()}}}"]

    def shared(self, named: list[str]) -> list[str]:
        name = self.writer.name()
        module = self.one(["conv(w, 3)", *(f"{block.name}(w)" for block in self.writer.blocks)])
        return [
            f"shared {name} = {module}",
            f"conv(w, 1) -> {name}",
            self.one(["relu", f"conv(w, 1) -> relu -> {name}"]),
        ]

    def biased(self, named: list[str]) -> list[str]:
        """Attention of all pixels, with a bias by their offsets."""
        name = self.writer.name()
        return [f"path {name} = offset_bias(2)", f"conv(3 * w, 1) -> split(3) -> attend(2, bias={name})"]

    def repeated(self, named: list[str]) -> list[str]:
        count = self.one(["2", "3", *(["n"] * 3 if "n" in self.has else [])])
        step = self.one(["conv(w + 4 * i, 3)", self.step(), "if i > 0 then conv(w, 1) else relu"])
        return [f"repeat {count} as i: {step} -> {self.step()}"]

    def listed(self, named: list[str]) -> list[str]:
        return self.one(
            [
                f"for c in ws: conv(c, {self.kernel()}) -> {self.act()}",
                "for c in ws: conv(c, 3) -> group_norm(2)\nconv(len(ws) * 4, 1)",
                f"concat{{it | for c in ws: conv(c, {self.kernel()}) -> {self.act()}}}",
                "concat{for c in ws[1:]: conv(c, 3) | conv(ws[0], 1)}",
                "if len(ws) > 1:\n    conv(ws[1], 1)",
                "for c in [c0 * 2 for c0 in ws]: conv(c, 3)",
                "concat{it | for c in [c0 + 4 for c0 in ws if c0 > 4]: conv(c, 1)}",
                "for i, c in enumerate(ws): conv(c + 4 * i, 3)",
            ]
        ).split("\n")

    def tabled(self, named: list[str]) -> list[str]:
        return [
            self.one(
                [
                    f"for a, b in rows: conv(a, b) -> {self.act()}",
                    "for row in rows: conv(*row) -> relu",
                    "for row in rows: Head(*row)",
                    f"concat{{it | for a, b in rows: conv(a, b) -> {self.act()}}}",
                    "concat{for row in rows: Head(*row)}",
                    "for i, row in enumerate(rows): conv(row[0] + 4 * i, row[1])",
                    "for a, b in [[2 * a0, b0] for a0, b0 in rows]: conv(a, b)",
                    "for a, b in rows + [[4, 1]]: conv(a, b)",
                ]
            )
        ]

    def truth(self) -> str:
        """A condition."""
        conditions = ["input.channels == w", "it.channels != w", "w > 8"]
        conditions += ["gate", "not gate", "gate and w > 4"] if "gate" in self.has else []
        conditions += ["expand != 1"] if "expand" in self.has else []
        conditions += ["k > 1"] if "k" in self.has else []
        return self.one(conditions)

    def condition(self, named: list[str]) -> list[str]:
        first, second = self.truth(), self.truth()
        form = self.writer.random.randint(0, 3)
        if form == 0:
            return [f"if {first} then {self.step()} else {self.step()}"]
        lines = [f"if {first}:", f"    {self.step()}"]
        lines += [f"elif {second}:", f"    {self.step()}"] if form == 1 else []
        lines += ["else:", f"    {self.step()}"] if form >= 1 and self.chance(0.7) else []
        return lines

    def branches(self, named: list[str]) -> list[str]:
        """A join; some of its branches fall away where a condition does not hold."""
        op = self.one(["concat", "concat", "concat", "add", "sub", "maximum", "mul", "mean"])
        steps = ["conv(w, 3)", f"conv(w, 1) -> {self.act()}", "conv(w, 3) -> drop_path(0.1)"]
        lines = []
        for _ in range(3 if op != "mean" and self.chance(0.3) else 2):
            step = self.step() if op == "concat" else self.one(steps)
            lines.append(f"    | if {self.truth()}: {step}" if self.chance(0.3) else f"    | {step}")
        if all(line.startswith("    | if") for line in lines):
            lines[self.writer.random.randrange(len(lines))] = "    | conv(w, 1)"
        if op == "concat" and self.chance(0.3):
            lines.append(f"    | for r in {self.one(['[1, 3]', 'range(2)'])}: conv(4, 2 * r + 1)")
        return [f"{op}:", *lines]

    def shortcut(self) -> list[str]:
        """A residual connection; its stride is the block's."""
        drop = f" -> drop_path({'p' if 'p' in self.has else '0.2'})" if self.chance(0.4) else ""
        body = f"path body = conv(w, 3, stride=stride) -> bn{drop}"
        differs, match = "stride != 1 or it.channels != w", "conv(w, 1, stride=stride)"
        return self.writer.random.choice(
            [
                [body, f"add{{body | if {differs} then {match}}}"],
                [body, f"add{{body | if {differs} then {match} else identity}}"],
                [body, f"add{{body | if {differs}: {match}}}"],
                [body, f"if not ({differs}):", "    add{it | body}", "else:", "    body"],
                ["conv(w, 3, stride=stride)"],
            ]
        )

    def kernel(self) -> str:
        return self.one(["1", "3", *(["k"] * 3 if "k" in self.has else [])])

    def act(self) -> str:
        return self.one(["relu", "sigmoid", *(["act"] * 3 if "act" in self.has else [])])

    def step(self) -> str:
        width = self.one(self.widths)
        norm = "norm" if "norm" in self.has else "bn"
        groups = ", groups=groups" if "groups" in self.has and self.chance(0.3) else ""
        steps = [f"conv({width}, {self.kernel()}) -> {norm} -> {self.act()}", f"conv({width}, {self.kernel()}{groups})"]
        steps += [
            self.act(),
            norm,
            "mul{it | sigmoid}",
            "mul{it | global_avg_pool -> conv(it.channels, 1) -> sigmoid}",
        ]
        steps += [
            "rms_norm",
            "conv(3 * w, 1) -> split(3) -> attend(2)",
            "parallel{conv(w, 1) | conv(4, 1) | conv(8, 1)} -> attend(w // 4)",
        ]
        steps += [f"dropout({'p' if 'p' in self.has else '0.3'})", "scale(1 / w)", f"depthwise({self.kernel()})"]
        steps += [f"unit({width})"] * 4 if "unit" in self.has else []
        if self.writer.blocks:
            steps += [self.writer.use(width, self.handed) for _ in range(2)]
        return self.one(steps)

    def handed(self, parameter: _Parameter) -> str:
        """What the text of a block gives to another: its own parameter of that name, if it has one."""
        if parameter.name in self.has and self.chance(0.6):
            return parameter.name
        if parameter.name == "mid":
            return "w * 2"
        return self.one([value for value in parameter.values if value not in ("2", "3") or parameter.name != "stride"])
