"""The command line. `main` always ends with an exit code, never with a traceback."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Sequence

OK, SPEC_ERROR, WRONG_CALL, BUG, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes. 70 is a bug of archdsl (as in sysexits.h), 130 what shells report after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` (those of the process, unless given) ask for, and returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    traceback = "--traceback" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if arguments is None:
        _collect_seldom()
    try:
        code = _run([word for word in words if word != "--traceback"])
        print(end="", flush=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return SPEC_ERROR
    except OSError as error:
        print(f"archdsl: {error.strerror or error}", file=sys.stderr)
        return WRONG_CALL
    except MemoryError:
        print("archdsl: there is not enough memory for this", file=sys.stderr)
        return WRONG_CALL
    except Exception as error:
        if traceback:
            raise
        print(_apology(error), file=sys.stderr)
        return BUG
    return code


def _collect_seldom() -> None:
    """A command makes little garbage that has to be searched for, and the search takes a fifth of its time.

    The collector is not turned off, since a sweep may make thousands of graphs; at the end nothing is searched.
    """
    gc.set_threshold(1_000_000)
    atexit.register(gc.freeze)


def _run(words: list[str]) -> int:
    from typer.main import get_command

    from archdsl.cli.app import app
    from archdsl.cli.complete import bash_variants

    if (variants := bash_variants(os.environ)) is not None:
        print("\n".join(variants))
        return OK
    try:
        get_command(app(words[0] if words else None)).main(words, prog_name="archdsl")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _silence() -> None:
    """Discards further output after its reader is gone, so that Python does not complain again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _apology(error: Exception) -> str:
    message = " ".join(str(error).split()).removeprefix("this is a bug in archdsl: ")
    return f"this is a bug in archdsl: {type(error).__name__}: {message}\nrun it with --traceback to see where"
