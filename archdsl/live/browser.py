"""The page without a server: a worker of the browser calls this in place of one, with messages as text."""

from __future__ import annotations

import json

from archdsl.live.answer import answer


def reply(message: str) -> str:
    """The reply to `{"kind": "ask", "number": ..., "question": ...}`: a text of its own, without a file or a folder."""
    asked = json.loads(message)
    replied = answer({"question": asked["question"], "path": None})
    return json.dumps({"kind": "answer", "number": asked["number"], "answer": replied})
