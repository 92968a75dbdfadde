"""The gallery of the site: a page for each network of `specs/`, an index with small figures, and the library of blocks.

The record of proofs is that of `docs/gallery.md`, whose section each page repeats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from site_links import PLAYGROUND, Pages

import archdsl
from archdsl.analyses.notation import count
from archdsl.backends.tables import render
from archdsl.backends.tables.costs import build
from archdsl.backends.tables.request import Request
from archdsl.ir.graph import Graph
from archdsl.network import Network
from archdsl.resources import specs_folder

NETWORKS = tuple(sorted(path.stem for path in specs_folder().glob("*.arch")))
COLUMNS = ("path", "op", "output", "params", "macs", "field")
THEMES = ("light", "dark")

INDEX = """\
---
hide: [toc]
---

# The gallery

The {count} networks that come with archdsl, each with its figure, its table, its spec, and what it was proven against.
The commands take the names of their files: `archdsl draw resnet@50`. The [blocks](blocks.md) that they share can be
imported into any spec.

<div class="gallery" markdown="0">
{cards}
</div>
"""

CARD = """\
<a href="{name}.html"><img class="only-light" src="figures/{name}-light.svg" alt="" loading="lazy">\
<img class="only-dark" src="figures/{name}-dark.svg" alt="" loading="lazy">\
<b>{title}</b> <span>{size}</span></a>"""

PAGE = """\
---
hide: [navigation]
---

# {title}

{doc}{citation}.

{figure}

{try_it}## Costs by stage

{table}

## The spec

```arch title="specs/{name}.arch"
{text}
```

[The file](../specs/{name}.arch), and the [blocks](blocks.md) that specs import.

## Variants and proofs

{record}

[What the columns mean](../gallery.md), and how the proofs were made.

## Using it

```sh
archdsl check {name}
archdsl draw {first} -o {name}.svg
archdsl table {first}
archdsl compile {first}
```

```python
import archdsl

net = archdsl.load("{first}")
print(net.params, net.macs)
model = net.module()  # with PyTorch installed
```
"""


def write(pages: Pages, networks: Sequence[str]) -> None:
    """Writes the pages of these networks, the index of them, and the page of blocks."""
    records = _records(pages)
    cards = []
    for name in networks:
        net = archdsl.load(name)
        pages.write(f"gallery/{name}.md", _page(name, net, records[name], pages.playground))
        for theme in THEMES:
            pages.write(f"gallery/figures/{name}-{theme}.svg", net.draw(theme=theme).data.decode())
        cards.append(CARD.format(name=name, title=net.graph.header.name, size=_size(net)))
    pages.write("gallery/index.md", INDEX.format(count=len(networks), cards="\n".join(cards)))
    pages.write("gallery/blocks.md", "\n".join(_blocks()))


def _page(name: str, net: Network, record: str, playground: bool) -> str:
    header = net.graph.header
    return PAGE.format(
        name=name,
        first=f"{name}@{header.variant}" if header.variant else name,
        title=header.name,
        doc=f"{_plain(header.doc)}\n\n" if header.doc else "",
        citation=_plain(header.source),
        figure=_figure(name, header.name),
        try_it=f"[Try it in the browser](../{PLAYGROUND}#example={name}){{ .try-it }}\n\n" if playground else "",
        table=_table(net.graph),
        text=(specs_folder() / f"{name}.arch").read_text(encoding="utf-8").rstrip(),
        record=record,
    )


def _figure(name: str, title: str) -> str:
    return "\n".join(
        f"![{title} by its stages](figures/{name}-{theme}.svg){{ .only-{theme} .drawing }}" for theme in THEMES
    )


def _table(graph: Graph) -> str:
    """The table of stages with the notes that hold for it, without the title that the page has already."""
    text = render("markdown", build(graph, Request(format="markdown", columns=COLUMNS)))
    notes, rows, more = text.partition("\n\n")[2].partition("| stage")
    _, _, notes = notes.partition("\n")  # the citation stands above
    return f"{notes}{rows}{more}".strip()


def _size(net: Network) -> str:
    return f"{count(net.params)} params, {count(net.macs)} MACs"


def _records(pages: Pages) -> dict[str, str]:
    """The table of each network in `docs/gallery.md`, by its name."""
    text = (pages.root / "docs" / "gallery.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(\w+)\]\(\S+\)\n.*?^(\| variant.*?)\n\n", text, re.M | re.S)
    return dict(sections)


def _blocks() -> Iterator[str]:
    """The files of blocks, whole."""
    yield "# Blocks\n\nWhat the gallery's networks are made of. `from blocks.residual import Bottleneck` imports one.\n"
    for path in sorted((specs_folder() / "blocks").glob("*.arch")):
        yield f"## {path.stem}\n"
        yield f"```arch\n{path.read_text(encoding='utf-8').rstrip()}\n```\n"


def _plain(text: str) -> str:
    """Text in which no character means anything to Markdown."""
    return re.sub(r"([\\`*_<>{}\[\]#])", r"\\\1", text)
