"""Makes the resolved model from a syntax tree: reads imports, finds definitions, sorts declarations by kind.

Every file is read once. Errors in the names of all files are collected and reported together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os.path import isfile
from pathlib import Path
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.resolve.allow import unknown_codes
from archdsl.resolve.check import check_file
from archdsl.resolve.known import HINTS
from archdsl.resolve.library import file_meant, import_of
from archdsl.resolve.model import Block, File, Network, Parameter, Use, Variant, default_calls
from archdsl.resolve.unused import unused_names
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.suggest import help_for
from archdsl.syntax import tree
from archdsl.syntax.parser import check_size, parse, read_source


def resolve(
    source: Source, folder: Path | None = None, texts: Mapping[Path, str] | None = None, *, partial: bool = False
) -> File:
    """The resolved model of a spec. Imports are looked for in `folder`, then in the library.

    `texts` are texts by absolute path that are read instead of the files on disk: those that an editor has open.
    Errors in names are in the model's `problems`, to be reported together with the errors in values that expansion
    finds. Raises `CompileError` if the spec cannot be parsed, unless it is to be `partial`: then errors of syntax are
    among the problems, and the statements that have them are missing.
    """
    resolver = _Resolver(folder, texts or {}, partial)
    file = resolver.file(source, folder)
    unused = () if resolver.diagnostics else unused_names(file)
    return replace(file, problems=tuple(resolver.diagnostics), unused=unused)


class _Resolver:
    def __init__(self, root: Path | None, texts: Mapping[Path, str], partial: bool) -> None:
        self.root = root
        self.texts = texts
        self.partial = partial
        self.files: dict[Path, File] = {}
        self.pending: dict[Path, tree.Import] = {}
        """The files that are being read, and the import that led to each. To import one of them again is a cycle."""
        self.diagnostics: list[Diagnostic] = []
        self.sources: list[Source] = []
        """All files read so far."""

    def file(self, source: Source, folder: Path | None) -> File:
        self.sources.append(source)
        check_size(self.sources)
        spec = self.parsed(source)
        functions = {item.name.name: item for item in spec.items if isinstance(item, tree.Define)}
        defaults = tuple(call for item in spec.items if isinstance(item, tree.Defaults) for call in item.calls)
        file = File(source=source, definitions={}, functions=functions, defaults=defaults)
        for item in spec.items:
            if isinstance(item, tree.Import):
                self.imported(item, file, folder)
        for item in spec.items:
            if isinstance(item, tree.Block):
                self.define(file, self.block(item, file), item.name)
        networks = [item for item in spec.items if isinstance(item, tree.Network)]
        for item in networks:
            self.define(file, self.network(item, file), item.name)
        self.diagnostics += [*check_file(file), *unknown_codes(spec)]
        network = file.definitions.get(networks[0].name.name) if networks else None
        return replace(file, network=network) if isinstance(network, Network) else file

    def define(self, file: File, definition: Block | Network, name: tree.Name) -> None:
        known = file.definitions.get(name.name)
        if known is not None:
            self.diagnostics.append(
                Diagnostic(
                    "duplicate-name",
                    f"`{name.name}` is defined twice",
                    name.span,
                    notes=(Note("the other definition is here", known.span),),
                )
            )
        file.definitions[name.name] = definition

    # --- imports -------------------------------------------------------------------------------

    def imported(self, item: tree.Import, file: File, folder: Path | None) -> None:
        path = self.find(item, folder)
        if path is not None:
            file.imports.append((item, path.resolve()))
        other = self.read(path, item) if path is not None else None
        for name in item.names:
            definition = other.definitions.get(name.name) if other else None
            if definition is not None:
                file.uses.append(Use(name.span, definition.span))
                self.define(file, definition, name)
                continue
            file.broken.add(name.name)
            if other is not None and name.name not in other.broken:
                self.diagnostics.append(_not_in_file(name, item, other))

    def find(self, item: tree.Import, folder: Path | None) -> Path | None:
        """The file that an import names: beside the importing file, beside the spec, or in the library."""
        relative = Path(*item.path).with_suffix(".arch")
        library = specs_folder()
        for place in dict.fromkeys(p for p in (folder, self.root, library) if p is not None):
            path = place / relative
            if isfile(path) or path.resolve() in self.texts:
                if not _inside(path, (self.root, library)):
                    break
                return path
        else:
            guess = len(self.diagnostics) < HINTS  # reading the folders for a suggestion takes long
            names = (name.name for name in item.names)
            help = file_meant(".".join(item.path), names, (folder, self.root)) if guess else None
            self.diagnostics.append(
                Diagnostic(
                    "import-not-found",
                    f"there is no file `{relative.as_posix()}` beside the spec or in the library",
                    item.span,
                    help=help,
                )
            )
            return None
        self.diagnostics.append(
            Diagnostic(
                "import-outside",
                f"`{relative.as_posix()}` leads out of the spec's folder and the library",
                item.span,
            )
        )
        return None

    def read(self, path: Path, item: tree.Import) -> File | None:
        path = path.resolve()
        if path in self.pending:
            self.diagnostics.append(
                Diagnostic(
                    "import-cycle",
                    f"`{'.'.join(item.path)}` is being imported already",
                    item.span,
                    notes=tuple(Note("imported here", step.span) for step in self.pending.values()),
                    help="move what both files need into a third file",
                )
            )
            return None
        if path not in self.files:
            self.pending[path] = item
            try:
                self.files[path] = self.file(self.source(path), path.parent)
            except CompileError as error:
                self.diagnostics += error.diagnostics
                return None
            finally:
                del self.pending[path]
        return self.files[path]

    def parsed(self, source: Source) -> tree.Spec:
        if not self.partial:
            return parse(source)
        from archdsl.syntax.grammar import parse_partial

        spec, problems = parse_partial(source)
        self.diagnostics += problems
        return spec

    def source(self, path: Path) -> Source:
        name = _shown(path, self.root)
        return Source(name, self.texts[path], path=path) if path in self.texts else read_source(path, name)

    # --- definitions ---------------------------------------------------------------------------

    def block(self, item: tree.Block, file: File) -> Block:
        return Block(
            name=item.name.name,
            doc=item.doc.value if item.doc else "",
            parameters=tuple(map(_parameter, item.parameters)),
            ports=item.ports,
            body=item.body,
            span=item.name.span,
            file=file,
        )

    def network(self, item: tree.Network, file: File) -> Network:
        kinds: dict[type, list[Any]] = {}
        for declared in item.items:
            kinds.setdefault(type(declared), []).append(declared)
        flow = tuple(i for i in item.items if isinstance(i, tree.FlowStatement))
        return Network(
            name=item.name.name,
            doc=item.doc.value if item.doc else "",
            citation="; ".join(citation.text.value for citation in kinds.get(tree.Citation, ())),
            inputs=tuple(kinds.get(tree.Input, ())),
            parameters=tuple(map(_parameter, kinds.get(tree.Parameter, ()))),
            scaling=tuple(a for scaling in kinds.get(tree.Scaling, ()) for a in scaling.assignments),
            variants={
                v.name: Variant(name=v.name, assignments=v.assignments, span=v.span)
                for variants in kinds.get(tree.Variants, ())
                for v in variants.variants
            },
            functions={define.name.name: define for define in kinds.get(tree.Define, ())},
            requires=tuple(kinds.get(tree.Require, ())),
            defaults=default_calls((*kinds.get(tree.Defaults, ()), *kinds.get(tree.Init, ()))),
            expectations=tuple(kinds.get(tree.Expect, ())),
            flow=tree.Body(flow, item.span),
            span=item.name.span,
            file=file,
        )


def _parameter(item: tree.Parameter) -> Parameter:
    return Parameter(
        name=item.name.name,
        type=item.type,
        default=item.default,
        doc=item.doc.value if item.doc else "",
        span=item.name.span,
    )


def _not_in_file(name: tree.Name, item: tree.Import, file: File) -> Diagnostic:
    meant = help_for(name.name, file.definitions)
    known = ", ".join(file.definitions) or "nothing"
    return Diagnostic(
        "unknown-name",
        f"`{'.'.join(item.path)}` has no `{name.name}`",
        name.span,
        help=meant or import_of(name.name) or f"it has {known}",
    )


def _inside(path: Path, folders: Iterable[Path | None]) -> bool:
    """Whether a path lies inside a folder, after links are followed, so that imports cannot leave it."""
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders if folder is not None)


def _shown(path: Path, root: Path | None) -> str:
    """A file's name in messages: `blocks/residual.arch` beside the spec, `specs/blocks/...` in the library."""
    library = specs_folder().resolve()
    if path.is_relative_to(library):
        return f"specs/{path.relative_to(library).as_posix()}"
    return path.relative_to(root.resolve()).as_posix() if root is not None else path.name
