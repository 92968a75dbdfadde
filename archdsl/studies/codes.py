"""Codes of what goes wrong when networks are compared, varied and searched."""

from __future__ import annotations

from archdsl.diagnostics import Code

NET = """\
network Net:
    param width: int = 8
    param act: op = relu
    input image: 3 x 32 x 32
    conv(width, 3) -> act
"""

CODES: dict[str, Code] = {
    "bad-range": Code(
        "The values that a setting is to take are no list and no range.",
        "`--phi 0:7:0.5` counts from 0 to 7 by steps of 0.5, both ends included; `--phi 0:7` by 1. Values between "
        'commas are taken one by one: `--alpha 1.1,1.2`, `--layers "[2, 2], [3, 4]"`.',
        f"$ archdsl sweep net.arch --width 8:64:0\n{NET}",
        exit_code=2,
    ),
    "bad-budget": Code(
        "A budget is not a number, or has a unit that does not fit.",
        "`--macs 1.8G` and `--params 25M` count; K, M, G and T are powers of a thousand. `--memory 50MB` and "
        "`--training-memory 1.5GiB` are bytes, and always say so.",
        f"$ archdsl fit net.arch --macs 50MB --over width\n{NET}",
        exit_code=2,
    ),
    "no-number": Code(
        "A search is asked for over a setting that is not a number.",
        "`fit` looks for the number that meets a budget: a parameter of type int or float, or a scaling coefficient.",
        f"$ archdsl fit net.arch --macs 1M --over act\n{NET}",
        exit_code=2,
    ),
    "another-table": Code(
        "A sweep is to be added to a file that holds something else.",
        "A sweep goes on where it stopped, and adds only to a file with its own columns.",
        f"$ archdsl sweep net.arch --width 8:16:8 -o old.csv\n{NET}# file: old.csv\nname,accuracy\nnet,0.9\n",
        exit_code=2,
    ),
    "broken-record": Code(
        "A sweep is to go on with a table that was damaged.",
        "Its lines are what the sweep would not measure again, so that they have to be whole: a cell for each column, "
        "numbers where numbers were measured, quotes that close on their line. Nothing has been added.",
        f"$ archdsl sweep net.arch --width 8:16:8 --columns params -o old.csv\n{NET}"
        '# file: old.csv\nspec,digest,width,params,problem\nnet.arch,0,8,"704,\n',
        exit_code=2,
    ),
}
