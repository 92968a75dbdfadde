"""Codes of errors that occur when networks are compared, varied and searched."""

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
        "The values for a setting are neither a list nor a range.",
        "`--phi 0:7:0.5` counts from 0 to 7 in steps of 0.5, including both ends; `--phi 0:7` counts in steps of 1. "
        'Commas separate single values: `--alpha 1.1,1.2`, `--layers "[2, 2], [3, 4]"`.',
        f"$ archdsl sweep net.arch --width 8:64:0\n{NET}",
        exit_code=2,
    ),
    "bad-budget": Code(
        "A budget is not a number, or has a unit that does not fit its measure.",
        "`--macs 1.8G` and `--params 25M` are counts; K, M, G and T are powers of a thousand. `--memory 50MB` and "
        "`--training-memory 1.5GiB` are in bytes, and need a unit that ends in B.",
        f"$ archdsl fit net.arch --macs 50MB --over width\n{NET}",
        exit_code=2,
    ),
    "no-number": Code(
        "`fit` is to search the values of a setting that is not a number.",
        "`fit` finds the number that meets a budget, so the setting must be a parameter of type int or float, or a "
        "scaling coefficient.",
        f"$ archdsl fit net.arch --macs 1M --over act\n{NET}",
        exit_code=2,
    ),
    "another-table": Code(
        "The file of a sweep already exists and has other columns.",
        "A sweep that was interrupted continues in its file, so it adds rows only to a file with the same columns.",
        f"$ archdsl sweep net.arch --width 8:16:8 -o old.csv\n{NET}# file: old.csv\nname,accuracy\nnet,0.9\n",
        exit_code=2,
    ),
    "broken-record": Code(
        "The file of a sweep that is to be continued is damaged.",
        "The sweep does not measure again what the lines of the file hold, so every line must be complete: a cell for "
        "each column, numbers where numbers were measured, quotes that close on their line. Nothing has been added.",
        f"$ archdsl sweep net.arch --width 8:16:8 --columns params -o old.csv\n{NET}"
        '# file: old.csv\nspec,digest,width,params,problem\nnet.arch,0,8,"704,\n',
        exit_code=2,
    ),
    "unusable-cluster": Code(
        "The cluster that a sweep is to run on is not there, or cannot do the work.",
        "`--cluster` takes the address of a Dask scheduler, which `dask scheduler` prints when it starts, or `local`, "
        "which starts workers on this machine. Workers need the same archdsl as the command. Where workers or the "
        "scheduler are lost during a sweep, its record keeps the rows that it has.",
        f"$ archdsl sweep net.arch --width 8:16:8 --cluster scheduler\n{NET}",
        exit_code=2,
    ),
}
