"""Codes of what the reader of a figure has to know."""

from __future__ import annotations

from archdsl.diagnostics import Code

CODES: dict[str, Code] = {
    "small-text": Code(
        "A figure does not fit on a slide with text that can be read.",
        "The page grows, so that nothing is cut. Shown on one slide, its text is smaller than 14 points. Open fewer "
        "levels with `--depth`, or draw single blocks with `--figure block`.",
        "$ archdsl draw net.arch --figure graph --depth 2 -o net.svg\n"
        "network Net:\n    input image: 3 x 32 x 32\n    for width in range(1, 400): conv(width, 3)\n",
    ),
    "missing-letters": Code(
        "A figure has letters that the font of figures does not have.",
        "PDF and PNG are drawn with one font, which has Latin and Greek letters and the signs of mathematics; for "
        "other letters a box is drawn. So it is in TikZ, until a font for them is named in the file. In an SVG, the "
        "fonts of whoever looks at it stand in.",
        "$ archdsl draw net.arch -o net.png\nnetwork Net:\n    input image: 3 x 32 x 32\n"
        '    stage one "网络": conv(8, 3)\n',
    ),
}
