"""The set-ups of docs/editors.md, in the editors themselves: a mistake is underlined, mended, and then gone.

Each skips where its editor is missing or too old. Debian: `apt-get install neovim emacs-nox elpa-eglot`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the language server needs pygls")

PAGE = Path(__file__).parent.parent / "docs" / "editors.md"
SPEC = "network Net:\n    input image: 3 x 32 x 32\n    conv(16, 3) -> rellu\n"
MESSAGE = "there is no op, block or value `rellu`"

NEOVIM = """
local function waited(test) return vim.wait(30000, test, 20) end
local function wrong() return vim.diagnostic.get(0) end
waited(function() return #wrong() > 0 end)
local out = { wrong = vim.tbl_map(function(one) return { one.lnum, one.message } end, wrong()) }
vim.api.nvim_buf_set_lines(0, 2, 3, true, { "    conv(16, 3) -> relu" })
out.mended = waited(function() return #wrong() == 0 end)
vim.lsp.inlay_hint.enable()
local function hints() return vim.lsp.inlay_hint.get({ bufnr = 0 }) end
waited(function() return #hints() > 1 end)
out.hints = vim.tbl_map(function(one) return { one.inlay_hint.position.line, one.inlay_hint.label } end, hints())
vim.fn.writefile({ vim.json.encode(out) }, vim.env.OUT)
vim.cmd("qa!")
"""

# Without a window Emacs is never idle, when it would tell the server of a change: saving tells it as well.
EMACS = """
(package-initialize)
(require 'eglot)
(setq eglot-sync-connect 30)
(defun waited (test)
  (let ((end (+ (float-time) 30)))
    (while (and (not (funcall test)) (< (float-time) end)) (accept-process-output nil 0.05) (flymake-start))
    (funcall test)))
(find-file "net.arch")
(call-interactively 'eglot)
(waited #'flymake-diagnostics)
(let ((wrong (mapcar (lambda (one) (vector (1- (line-number-at-pos (flymake-diagnostic-beg one)))
                                           (flymake-diagnostic-text one))) (flymake-diagnostics))))
  (goto-char (point-min))
  (search-forward "rellu")
  (replace-match "relu" t t)
  (save-buffer)
  (let ((mended (waited (lambda () (null (flymake-diagnostics))))))
    (with-temp-file (getenv "OUT")
      (insert (json-encode `((wrong . ,(vconcat wrong)) (mended . ,(if mended t :json-false))))))))
(eglot-shutdown (eglot-current-server))
"""


def setup(language: str) -> str:
    """The text that the page tells the reader to put into an editor's settings."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


def driven(folder: Path, *command: str) -> Any:
    """What a script in an editor wrote to the file that `OUT` names, with `archdsl` on the path."""
    (folder / "net.arch").write_text(SPEC, encoding="utf-8")
    program = folder / "archdsl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archdsl "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    places = {name: str(folder / name) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    environment = os.environ | places | {"OUT": str(folder / "out"), "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert (folder / "out").exists(), done.stdout + done.stderr
    return json.loads((folder / "out").read_text(encoding="utf-8"))


def test_neovim(tmp_path: Path) -> None:
    program = shutil.which("nvim")
    asked = [program or "", "--headless", "-u", "NONE", "-c", "if !has('nvim-0.11') | cquit | endif", "-c", "quit"]
    if program is None or subprocess.run(asked, capture_output=True).returncode:
        pytest.skip("there is no Neovim 0.11 or later")
    (tmp_path / "init.lua").write_text(setup("lua"), encoding="utf-8")
    (tmp_path / "drive.lua").write_text(NEOVIM, encoding="utf-8")
    out = driven(tmp_path, program, "--headless", "-u", "init.lua", "-i", "NONE", "net.arch", "-c", "luafile drive.lua")
    assert out["mended"]
    assert [(line, MESSAGE in text) for line, text in out["wrong"]] == [(2, True)]
    assert [True for line, text in out["hints"] if line == 2 and "16×32×32" in text]


def test_emacs(tmp_path: Path) -> None:
    program = shutil.which("emacs")
    asked = [program or "", "--batch", "-q", "--eval", "(progn (package-initialize) (require 'eglot))"]
    if program is None or subprocess.run(asked, capture_output=True).returncode:
        pytest.skip("there is no Emacs with eglot")
    (tmp_path / "init.el").write_text(setup("elisp"), encoding="utf-8")
    (tmp_path / "drive.el").write_text(EMACS, encoding="utf-8")
    out = driven(tmp_path, program, "--batch", "-q", "-l", "init.el", "-l", "drive.el")
    assert out["mended"]
    assert [(line, MESSAGE in text) for line, text in out["wrong"]] == [(2, True)]
