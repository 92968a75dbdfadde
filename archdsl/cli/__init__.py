"""The command line. `main` always ends with an exit code, never with a traceback."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from archdsl.text import shown, shown_lines

OK, SPEC_ERROR, WRONG_CALL, BUG, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes. 70 means a bug in archdsl (as in sysexits.h); 130 is what shells report after Ctrl-C."""

LONGEST = 2_000
"""The most characters that are printed of a text from outside, such as a word of the call."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command in `arguments` (by default those of the process) and returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    traceback = "--traceback" in words
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if arguments is None:
        _save_time()
    try:
        code = _run([word for word in words if word != "--traceback"])
        print(end="", flush=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return SPEC_ERROR
    except OSError as error:
        print(f"archdsl: {shown(error.strerror or str(error))}", file=sys.stderr)
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


def _open_streams() -> None:
    """Opens the null device for each standard stream that the process was started without."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open to the end)


def _save_time() -> None:
    """Leaves out what takes a share of each command's time and what a command does not need.

    Python's garbage collector takes a fifth: a command leaves few cycles. It is not turned off, since a sweep may make
    thousands of graphs; at exit it does not run at all. Pydantic would read what every installed package says of
    itself, in search of plugins that watch models being validated.
    """
    gc.set_threshold(1_000_000)
    atexit.register(gc.freeze)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _run(words: list[str]) -> int:
    from typer.main import get_command

    from archdsl.cli.app import app
    from archdsl.cli.complete import bash_variants

    if (variants := bash_variants(os.environ)) is not None:
        print("\n".join(variants))
        return OK
    command = get_command(app(words[0] if words else None))
    try:
        code = command.main(words, prog_name="archdsl", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "show"):
            raise
        return _complain(error)
    return code if isinstance(code, int) else OK


def _complain(error: Any) -> int:
    """Prints what is wrong with a call, and returns the exit code.

    The message repeats words of the call. They are cut to `LONGEST` characters, and control characters, which could
    change what the terminal shows, are escaped.
    """
    error.message = shown_lines(error.message, LONGEST)
    error.show()
    return int(error.exit_code)


def _silence() -> None:
    """Discards further output after its reader is gone, so that Python does not complain again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _apology(error: Exception) -> str:
    message = shown(" ".join(str(error).split()), LONGEST).removeprefix("this is a bug in archdsl: ")
    return f"this is a bug in archdsl: {type(error).__name__}: {message}\nrun it with --traceback to see where"
