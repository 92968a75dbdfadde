"""Functions that a child process answers with, in tests."""

from __future__ import annotations

import os
import time
from typing import Any


def answer(question: dict[str, Any]) -> Any:
    """Does what the question asks for, well or badly."""
    match question["do"]:
        case "echo":
            print("noise on standard output", flush=True)
            return question["value"]
        case "sleep":
            time.sleep(question["seconds"])
        case "compute":
            return len(str(9 ** (9**9)))  # one instruction of Python, which no other thread can interrupt
        case "exit":
            os._exit(3)
        case "memory":
            return len(bytearray(1 << 40))
        case "raise":
            raise ValueError(question["value"])
    return os.getpid()
