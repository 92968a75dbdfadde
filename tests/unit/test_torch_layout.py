"""Long statements: as a formatter breaks them, which is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from archdsl.backends.torch.layout import lay_out

NAMES = [f"a_rather_long_name_{i}" for i in range(9)]
LIST = ", ".join(NAMES)
CALLS = [f"self.branch{i}(self.reduce{i}(x))" for i in range(6)]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        f"x = call({LIST})",
        f"x = call({', '.join(NAMES[:4])})",
        f"x = torch.cat([{', '.join(CALLS)}], dim=1)",
        f"return {' + '.join(CALLS)}",
        f"return ({' + '.join(CALLS)}) / 6",
        f"x = self.relu({' + '.join(CALLS)})",
        f"self.units = nn.Sequential(*(Unit({', '.join(NAMES[:3])}) for _ in range(12)))",
        f"self.units = nn.Sequential(*(Unit({LIST}) for {LIST} in rows))",
        f"self.stem = nn.Sequential(OrderedDict(conv=nn.Conv2d({', '.join(NAMES[:2])}), bn=nn.BatchNorm2d(64)))",
        f'self.units = nn.ModuleDict({{"1": Unit({LIST}), "2": Unit(1)}})',
        "x = y[..., 5 : 5 + x.shape[-2], 1:2]",
        "x = torch.cat([x[:, :1], x[:, self.start :], x[1:n]], dim=1)",
        f"a, b = self.cell({LIST})",
        f"x = [{', '.join(NAMES[:4])}]",
        f"x = [{'very_' * 17}long, 1]",
        f"x = torch.cat([{'very_' * 15}long], dim=1)",
        f"self.a = nn.Sequential(*(Unit(a, b, c) for a, b, c in ({', '.join(['(14, 8, 16)'] * 6)})))",
    ],
)
def test_ruff_has_nothing_to_change(text: str) -> None:
    method = "def f(self):\n    if True:\n        " + "\n        ".join(line[8:] for line in lay_out(text, 2)) + "\n"
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "-"]
    assert subprocess.run(command, input=method, capture_output=True, text=True, check=True).stdout == method


def test_quoted_brackets_and_commas_are_text() -> None:
    text = f'print("(not, a [group", {LIST})'
    assert next(iter(lay_out(text, 0))) == "print("
    assert list(lay_out(text, 0))[1] == '    "(not, a [group",'
