"""Makes the fonts that figures carry from the whole of Arimo: `python scripts/subset_fonts.py FOLDER`.

FOLDER holds Arimo_400Regular.ttf and Arimo_700Bold.ttf (npm: @expo-google-fonts/arimo) and LICENSE_FONT. Written are,
beside the code of the figures, for each weight: the letters that a figure may have (TrueType), those of nearly every
figure (WOFF2, for SVG), and as JSON how wide each letter is and what its outline is. Kerning is left out, so that the
sum of the letters' widths is the width of a text in every program. Needs fonttools and brotli, which nothing else does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

FONTS = Path(__file__).parents[1] / "archdsl" / "backends" / "figures" / "fonts"
WEIGHTS = {"regular": "Arimo_400Regular.ttf", "bold": "Arimo_700Bold.ttf"}

LETTERS = (
    "U+20-7E,U+A0-AC,U+AE-17F,U+218-21B,U+391-3C9,U+2010-2014,U+2018-201E,U+2022,U+2026,U+2190-2193,U+2212,U+2248,U+2260,"
    "U+2264,U+2265,U+221A,U+221E,U+2211"
)
"""ASCII, Latin letters with accents, Greek, dashes, quotes, arrows, and signs of mathematics."""

USUAL = "U+20-7E,U+B0-B3,U+B7,U+D7,U+2013,U+2019,U+201C,U+201D,U+2026,U+2192,U+2212,U+2264,U+2265"
"""What the figures of nearly every network have."""


def main(folder: Path) -> None:
    FONTS.mkdir(exist_ok=True)
    (FONTS / "OFL.txt").write_bytes((folder / "LICENSE_FONT").read_bytes())
    for weight, name in WEIGHTS.items():
        source = folder / name
        written(source, FONTS / f"{weight}.ttf", LETTERS)
        written(source, FONTS / f"{weight}.woff2", LETTERS, "woff2")
        written(source, FONTS / f"{weight}-usual.woff2", USUAL, "woff2")
    fonts = {weight: TTFont(FONTS / f"{weight}.ttf") for weight in WEIGHTS}
    facts = {
        "units": fonts["regular"]["head"].unitsPerEm,
        "usual": letters(TTFont(FONTS / "regular-usual.woff2")),
        "widths": {weight: widths(font) for weight, font in fonts.items()},
    }
    dump(facts, "widths.json")
    dump({weight: outlines(font) for weight, font in fonts.items()}, "outlines.json")


def written(source: Path, target: Path, letters: str, flavor: str = "") -> None:
    """A font file with some letters, without kerning and without hints for screens of low resolution."""
    options = ["--layout-features=", "--no-hinting", f"--unicodes={letters}", f"--output-file={target}"]
    subset.main([str(source), *options, *([f"--flavor={flavor}"] if flavor else [])])


def letters(font: TTFont) -> str:
    return "".join(map(chr, sorted(font.getBestCmap())))


def widths(font: TTFont) -> dict[str, int]:
    """The advance of each letter, in the font's units."""
    return {chr(code): font["hmtx"][glyph][0] for code, glyph in sorted(font.getBestCmap().items())}


def outlines(font: TTFont) -> dict[str, str]:
    """The path of each letter in SVG's language, in the font's units, y upwards."""
    glyphs = font.getGlyphSet()
    found = {}
    for code, name in sorted(font.getBestCmap().items()):
        pen = SVGPathPen(glyphs)
        glyphs[name].draw(pen)
        found[chr(code)] = pen.getCommands()
    return found


def dump(facts: object, name: str) -> None:
    (FONTS / name).write_text(json.dumps(facts, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
