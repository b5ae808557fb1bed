"""The contact sheet: what was compared, to be looked at."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from benchmarks.pictures.likeness import Row

NAME: Final = "contact-sheet.jpg"
_CELL: Final = 160
_TITLE: Final = 30
_TEXT: Final = 28
_MARGIN: Final = 10
_WIDTH: Final = 1060
_PAPER: Final = (255, 255, 255)
_INK: Final = (20, 20, 20)
_CHECKS: Final = ((236, 236, 236), (214, 214, 214))
"""Two greys in squares: what is transparent is seen."""


def draw(rows: Sequence[Row], folder: Path) -> list[str]:
    """Draws the rows as blocks that flow like words, and names the file; nothing without rows."""
    if not rows:
        return []
    lines: list[list[Image.Image]] = [[]]
    for block in map(_block, rows):
        if lines[-1] and sum(one.width + _MARGIN for one in lines[-1]) + block.width > _WIDTH:
            lines.append([])
        lines[-1].append(block)
    heights = [max(block.height for block in line) + _MARGIN for line in lines]
    width = max(sum(block.width + _MARGIN for block in line) for line in lines)
    sheet = Image.new("RGB", (width + _MARGIN, sum(heights) + _MARGIN), _PAPER)
    for number, line in enumerate(lines):
        left, top = _MARGIN, _MARGIN + sum(heights[:number])
        for block in line:
            sheet.paste(block, (left, top))
            left += block.width + _MARGIN
    sheet.save(folder / NAME, quality=78, optimize=True)
    return [NAME]


def _block(row: Row) -> Image.Image:
    """A title above the reference and what each target answered."""
    cells = [(_thumbnail(row.reference), "full decode")]
    for name, result in row.results.items():
        text = f"{name}\n{len(result.body) / 1000:,.1f} KB, SSIM {result.similarity:.4f}"
        cells.append((_thumbnail(result.body), text))
    height = max(picture.height for picture, _ in cells)
    block = Image.new("RGB", (len(cells) * (_CELL + _MARGIN), _TITLE + height + _TEXT), _PAPER)
    pen, font = ImageDraw.Draw(block), ImageFont.load_default(11)
    pen.multiline_text((0, 0), row.title, fill=_INK, font=font, spacing=1)
    for place, (picture, text) in enumerate(cells):
        left = place * (_CELL + _MARGIN)
        block.paste(picture, (left, _TITLE))
        pen.multiline_text((left, _TITLE + height + 1), text, fill=_INK, font=font, spacing=1)
    return block


def _thumbnail(data: bytes) -> Image.Image:
    """A picture inside a cell, on squares where it is transparent."""
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGBA")
    picture.thumbnail((_CELL, _CELL))
    cell = Image.new("RGB", picture.size, _CHECKS[0])
    pen = ImageDraw.Draw(cell)
    side = 10
    for y in range(0, picture.height, side):
        for x in range((y // side % 2) * side, picture.width, 2 * side):
            pen.rectangle((x, y, x + side - 1, y + side - 1), fill=_CHECKS[1])
    cell.paste(picture, (0, 0), picture)
    return cell
