"""The language server: keeps the open texts, asks the child processes, and sends what they answer.

Nothing of a spec is read in this process, so that no spec can keep it from answering. One child checks while the user
types, one checks the variants when nothing is wrong, and one answers what the editor asks.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from lsprotocol import converters, types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from archdsl.editing.child import Child, Failed, TooLong
from archdsl.files import SPEC
from archdsl.lsp.positions import path_of

PAUSE = 0.15
"""Seconds after the last key until a text is checked."""

CHECK, VARIANTS, ANSWER = 5.0, 30.0, 4.0
"""Seconds that a check, a check of all variants, and an answer may take."""

LATE = 1.0
"""Seconds after which a check is broken off where its text has changed; others come to their end by themselves."""

FUNCTION = "archdsl.lsp.answers:answer"

convert = converters.get_converter()


class Protocol(LanguageServerProtocol):
    """Positions count units of UTF-16, which every editor can, also where it would rather count otherwise."""

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        if params.capabilities.general is not None:
            params.capabilities.general.position_encodings = None
        result: types.InitializeResult = yield from super().lsp_initialize(params)
        return result


class Server(LanguageServer):
    """The server's state: for each open file the check that is waited for, and the files that it was made of."""

    def __init__(self) -> None:
        whole = types.TextDocumentSyncKind.Full
        super().__init__("archdsl", version("archdsl"), text_document_sync_kind=whole, protocol_cls=Protocol)
        self.checker, self.variants, self.answerer = (Child(FUNCTION, limit) for limit in (CHECK, VARIANTS, ANSWER))
        children = (self.checker, self.variants, self.answerer)
        self.waiting = {child: ThreadPoolExecutor(max_workers=1) for child in children}
        self.checks: dict[str, asyncio.Task[None]] = {}
        self.files: dict[str, frozenset[str]] = {}

    # --- asking --------------------------------------------------------------------------------

    def question(self, kind: str, uri: str, **more: Any) -> dict[str, Any]:
        documents = self.workspace.text_documents
        texts = {key: document.source for key, document in documents.items() if key.endswith(SPEC) or key == uri}
        return {"kind": kind, "uri": uri, "texts": texts, "folders": list(self.workspace.folders), **more}

    async def ask(self, kind: str, uri: str, **more: Any) -> Any:
        """The answer to what the editor asks; None if there is none in time, or the file is not open."""
        if uri not in self.workspace.text_documents:
            return None
        question = self.question(kind, uri, **more)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self.waiting[self.answerer], self.answerer.ask, question
            )
        except Failed as failed:
            self.log(f"{kind}: {failed}")
            return None

    def log(self, text: str) -> None:
        self.window_log_message(types.LogMessageParams(types.MessageType.Log, text))

    # --- checking ------------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """Checks a file after a pause, and then the open files that import it."""
        path = path_of(uri)
        users = [other for other, files in self.files.items() if path is not None and str(path) in files]
        for one in dict.fromkeys([uri, *users]):
            self.check_soon(one)

    def check_soon(self, uri: str) -> None:
        if uri in self.checks:
            self.checks[uri].cancel()
        if uri in self.workspace.text_documents:
            self.checks[uri] = asyncio.get_running_loop().create_task(self.check(uri))

    async def check(self, uri: str) -> None:
        """Checks a file with its defaults, and, if nothing is wrong then, with all its variants.

        A result is dropped if the text, or one that it imports, has changed since: then this task is cancelled.
        """
        await asyncio.sleep(PAUSE)
        found = await self.checked(uri, self.checker)
        self.publish(uri, found)
        workspace = self.client_capabilities.workspace
        if workspace and workspace.inlay_hint and workspace.inlay_hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)
        if not any(one["severity"] == 1 for one in found):
            await asyncio.sleep(PAUSE)
            self.publish(uri, await self.checked(uri, self.variants))

    async def checked(self, uri: str, child: Child) -> list[dict[str, Any]]:
        """The diagnostics of a file; where it takes too long, one that says so."""
        variants = child is self.variants
        question = self.question("check", uri, variants=variants)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer = await loop.run_in_executor(self.waiting[child], child.ask, question)
        except asyncio.CancelledError:
            if loop.time() > started + LATE:
                child.close()
            raise
        except TooLong:
            what = "its variants were not checked: " if variants else ""
            return [_about_file(f"{what}compiling takes longer than {child.seconds:g} s")]
        except Failed as failed:
            return [_about_file(f"this spec could not be checked: {failed}")]
        self.files[uri] = frozenset(answer["files"])
        found: list[dict[str, Any]] = answer["diagnostics"]
        return found

    def publish(self, uri: str, found: list[dict[str, Any]]) -> None:
        document = self.workspace.text_documents.get(uri)
        if document is None:
            return
        diagnostics = convert.structure(found, list[types.Diagnostic])
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, diagnostics=diagnostics, version=document.version)
        )

    def forget(self, uri: str) -> None:
        """What was known of a file that was closed; its diagnostics go."""
        task = self.checks.pop(uri, None)
        if task is not None:
            task.cancel()
        self.files.pop(uri, None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def close(self) -> None:
        for child, pool in self.waiting.items():
            child.close()
            pool.shutdown(wait=False, cancel_futures=True)


def _about_file(message: str) -> dict[str, Any]:
    start = {"line": 0, "character": 0}
    end = {"line": 0, "character": 1}
    return {"range": {"start": start, "end": end}, "severity": 1, "source": "archdsl", "message": message}


# --- what the editor says and asks ---------------------------------------------------------------


def made() -> Server:
    """A server with all its features."""
    server = Server()
    _documents(server)
    _questions(server)
    _edits(server)
    return server


def _documents(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)
        server.changed(params.text_document.uri)  # others read the file on disk from now on

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def changed_on_disk(params: types.DidChangeWatchedFilesParams) -> None:
        for uri in server.workspace.text_documents:
            server.check_soon(uri)

    @server.feature(types.INITIALIZED)
    async def ready(params: types.InitializedParams) -> None:
        watched = server.client_capabilities.workspace and server.client_capabilities.workspace.did_change_watched_files
        if watched and watched.dynamic_registration:
            watcher = types.FileSystemWatcher(glob_pattern="**/*.arch")
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers=[watcher])
            registration = types.Registration("specs", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.client_register_capability(types.RegistrationParams([registration]))

    @server.feature(types.SHUTDOWN)
    async def ended(params: None) -> None:
        server.close()


def _position(params: Any) -> dict[str, int]:
    return {"line": params.position.line, "character": params.position.character}


def _range(given: types.Range) -> dict[str, Any]:
    return {
        "start": {"line": given.start.line, "character": given.start.character},
        "end": {"line": given.end.line, "character": given.end.character},
    }


Handler = Callable[[Any], Coroutine[Any, Any, Any]]


def _answered(server: Server, kind: str, result: Any, more: Callable[[Any], dict[str, Any]]) -> Handler:
    """A handler that asks the child and gives its answer as the protocol's type."""

    async def handler(params: Any) -> Any:
        answer = await server.ask(kind, params.text_document.uri, **more(params))
        return None if answer is None else convert.structure(answer, result)

    return handler


def _questions(server: Server) -> None:
    def at(params: Any) -> dict[str, Any]:
        return {"position": _position(params)}

    def nothing(params: Any) -> dict[str, Any]:
        return {}

    for feature, kind, result, more in (
        (types.TEXT_DOCUMENT_HOVER, "hover", types.Hover, at),
        (types.TEXT_DOCUMENT_DEFINITION, "definition", types.Location, at),
        (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, "symbols", list[types.DocumentSymbol], nothing),
        (types.TEXT_DOCUMENT_FOLDING_RANGE, "folding", list[types.FoldingRange], nothing),
        (types.TEXT_DOCUMENT_FORMATTING, "formatting", list[types.TextEdit], nothing),
    ):
        server.feature(feature)(_answered(server, kind, result, more))
    server.feature(types.TEXT_DOCUMENT_REFERENCES)(
        _answered(
            server,
            "references",
            list[types.Location],
            lambda params: {**at(params), "declaration": params.context.include_declaration},
        )
    )
    server.feature(types.TEXT_DOCUMENT_INLAY_HINT)(
        _answered(server, "hints", list[types.InlayHint], lambda params: {"range": _range(params.range)})
    )
    server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=[".", "@", "(", "=", ">", "|", "{"]),
    )(_answered(server, "completion", list[types.CompletionItem], at))
    server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ",", "="]))(
        _answered(server, "signature", types.SignatureHelp, at)
    )


def _edits(server: Server) -> None:
    kinds = [types.CodeActionKind.QuickFix, "source.fixAll.archdsl"]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction] | None:
        only = params.context.only
        wanted = only is None or any(str(kind).startswith("source") for kind in only)
        given = await server.ask("actions", params.text_document.uri, range=_range(params.range), all=wanted)
        made = convert.structure(given or [], list[types.CodeAction])
        return [one for one in made if only is None or any(str(one.kind or "").startswith(_text(k)) for k in only)]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    async def may_rename(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        answer = await server.ask("prepare_rename", params.text_document.uri, position=_position(params))
        return convert.structure(answer, types.PrepareRenamePlaceholder) if answer else None

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    async def renamed(params: types.RenameParams) -> types.WorkspaceEdit | None:
        uri, where = params.text_document.uri, _position(params)
        answer = await server.ask("rename", uri, position=where, name=params.new_name)
        if answer is None:
            return None
        if "refused" in answer:
            raise JsonRpcException(answer["refused"], types.ErrorCodes.InvalidParams)
        return convert.structure(answer, types.WorkspaceEdit)


def _text(kind: Any) -> str:
    return str(getattr(kind, "value", kind))


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a line of the log is about a fault. A request that is refused with its reason is none."""
    return record.exc_info is None or not isinstance(record.exc_info[1], JsonRpcException)


def serve() -> None:
    """Serves an editor on standard input and output, until it ends the connection.

    What else is printed goes to standard error, since it is no message.
    """
    server = made()
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_fault)
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        server.start_io(asked, answers)
    finally:
        server.close()
