"""The sender's letterhead and the building blocks of its papers: an A4 page drawn with reportlab, the same bytes every time."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL.Image import Image
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
LEFT, RIGHT = 25 * mm, WIDTH - 20 * mm
GREEN, DARK, SOFT, TINT = HexColor("#2c7a3f"), HexColor("#16211e"), HexColor("#5d6b70"), HexColor("#eef5ec")
REGULAR, BOLD = "Vera", "VeraBd"
FOOTER = (
    ("SecAnim GmbH", "Werkstraße 30", "49219 Glandorf"),
    ("Telefon 0180 209 0 209*", "Mo-Fr 07:00-18:00", "kundenportal@secanim.example"),
    ("Amtsgericht Osnabrück HRB 0000", "USt-IdNr. DE000000000", "Geschäftsführung: Erika Beispiel"),
    ("Sparkasse Musterland", "IBAN DE02 1203 0000 0000 2020 51", "BIC BYLADEM1001"),
)


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading, its width in millimetres, whether numbers stand in it."""

    heading: str
    width: float
    is_number: bool = False


class Letter:
    """A page that is filled from top to bottom."""

    def __init__(self, title: str) -> None:
        for name in (REGULAR, BOLD):
            registerFont(TTFont(name, f"{name}.ttf"))
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=True, lang="de-DE")
        self._canvas.setTitle(title)
        self._canvas.setAuthor("SecAnim GmbH")
        self._y = HEIGHT - 103 * mm
        self._frame()

    def finish(self) -> bytes:
        """The PDF's bytes."""
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()

    def address(self, lines: Sequence[str]) -> None:
        """The recipient, where the window of an envelope is."""
        self._text(LEFT, HEIGHT - 50 * mm, "SecAnim GmbH · Werkstraße 30 · 49219 Glandorf", size=6.5, color=SOFT)
        self._canvas.setStrokeColor(SOFT)
        self._canvas.setLineWidth(0.3)
        self._canvas.line(LEFT, HEIGHT - 51.2 * mm, LEFT + 80 * mm, HEIGHT - 51.2 * mm)
        for index, line in enumerate(lines):
            self._text(LEFT, HEIGHT - (57 + 5 * index) * mm, line, size=10)

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """The box at the right: numbers and dates."""
        x, top = 122 * mm, HEIGHT - 47 * mm
        height = (len(facts) * 5.6 + 5) * mm
        self._canvas.setFillColor(TINT)
        self._canvas.roundRect(x, top - height, RIGHT - x, height, 2 * mm, stroke=0, fill=1)
        for index, (label, value) in enumerate(facts):
            y = top - (6.2 + 5.6 * index) * mm
            self._text(x + 4 * mm, y, label, size=8, color=SOFT)
            self._text(RIGHT - 4 * mm, y, value, size=8.5, font=BOLD, align_right=True)

    def heading(self, text: str) -> None:
        self._text(LEFT, self._y, text, size=15, font=BOLD, color=GREEN)
        self._y -= 9 * mm

    def paragraph(self, text: str, *, size: float = 9.5, font: str = REGULAR) -> None:
        for line in simpleSplit(text, font, size, RIGHT - LEFT):
            self._text(LEFT, self._y, line, size=size, font=font)
            self._y -= size * 1.5
        self._y -= 3 * mm

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Rows under green headings, every second one tinted."""
        height = 6.4 * mm
        self._band(GREEN, height)
        self._row(columns, [column.heading for column in columns], font=BOLD, color=HexColor("#ffffff"))
        for index, row in enumerate(rows):
            if index % 2:
                self._band(TINT, height)
            self._row(columns, row)
        self._rule()
        self._y -= 2 * mm

    def totals(self, rows: Sequence[tuple[str, str]]) -> None:
        """Sums at the right, the last one stands out."""
        for label, value in rows[:-1]:
            self._text(RIGHT - 42 * mm, self._y, label, size=9, color=SOFT, align_right=True)
            self._text(RIGHT - 2 * mm, self._y, value, size=9, align_right=True)
            self._y -= 5.4 * mm
        label, value = rows[-1]
        self._y -= 2.5 * mm
        self._canvas.setFillColor(GREEN)
        self._canvas.roundRect(106 * mm, self._y - 3.4 * mm, RIGHT - 106 * mm, 8.4 * mm, 1.5 * mm, stroke=0, fill=1)
        white = HexColor("#ffffff")
        self._text(RIGHT - 42 * mm, self._y - 0.6 * mm, label, size=10, font=BOLD, color=white, align_right=True)
        self._text(RIGHT - 3 * mm, self._y - 0.6 * mm, value, size=11, font=BOLD, color=white, align_right=True)
        self._y -= 13 * mm

    def picture(self, picture: Image, height: float) -> None:
        """A picture of this height in millimetres."""
        self._y -= height * mm
        self._canvas.drawImage(
            ImageReader(picture), LEFT, self._y, height=height * mm, preserveAspectRatio=True, anchor="sw"
        )
        self._y -= 6 * mm

    def signatures(self, left: str, right: str) -> None:
        """Two lines to sign on."""
        self._y -= 16 * mm
        for x, name in ((LEFT, left), (112 * mm, right)):
            self._canvas.setStrokeColor(DARK)
            self._canvas.setLineWidth(0.5)
            self._canvas.line(x, self._y, x + 70 * mm, self._y)
            self._text(x, self._y - 4.5 * mm, name, size=8, color=SOFT)

    def _frame(self) -> None:
        canvas = self._canvas
        canvas.setFillColor(DARK)
        canvas.rect(0, HEIGHT - 24 * mm, WIDTH, 24 * mm, stroke=0, fill=1)
        canvas.setFillColor(GREEN)
        canvas.rect(0, HEIGHT - 27 * mm, WIDTH, 3 * mm, stroke=0, fill=1)
        self._leaf(RIGHT - 8 * mm, HEIGHT - 12.5 * mm)
        self._text(LEFT, HEIGHT - 14 * mm, "SecAnim", size=21, font=BOLD, color=HexColor("#ffffff"))
        claim = "Abholung und Verwertung tierischer Nebenprodukte"
        self._text(LEFT, HEIGHT - 19 * mm, claim, size=8, color=HexColor("#b7c4c9"))
        for y in (105, 210):  # where the paper is folded
            canvas.setStrokeColor(SOFT)
            canvas.setLineWidth(0.3)
            canvas.line(5 * mm, HEIGHT - y * mm, 9 * mm, HEIGHT - y * mm)
        canvas.setStrokeColor(GREEN)
        canvas.setLineWidth(0.8)
        canvas.line(LEFT, 27 * mm, RIGHT, 27 * mm)
        for index, block in enumerate(FOOTER):
            for row, line in enumerate(block):
                self._text(LEFT + index * 42 * mm, (22.5 - 3.6 * row) * mm, line, size=6, color=SOFT)
        note = "* Festnetzpreis 6 ct/Anruf, Mobilfunkpreis max. 42 ct/Min. – Musterbeleg des lokalen Kundenportals, ohne Rechtswirkung."
        self._text(LEFT, 9.5 * mm, note, size=5.5, color=SOFT)

    def _leaf(self, x: float, y: float) -> None:
        canvas = self._canvas
        canvas.setFillColor(GREEN)
        canvas.circle(x, y, 7 * mm, stroke=0, fill=1)
        leaf = canvas.beginPath()
        leaf.moveTo(x - 4 * mm, y - 4 * mm)
        leaf.curveTo(x - 4.5 * mm, y + 2 * mm, x, y + 4.5 * mm, x + 4.5 * mm, y + 4 * mm)
        leaf.curveTo(x + 4.5 * mm, y - 1 * mm, x + 2 * mm, y - 4.5 * mm, x - 4 * mm, y - 4 * mm)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.drawPath(leaf, stroke=0, fill=1)
        canvas.setStrokeColor(GREEN)
        canvas.setLineWidth(0.9)
        canvas.line(x - 4 * mm, y - 4 * mm, x + 2.6 * mm, y + 2.4 * mm)

    def _band(self, color: Color, height: float) -> None:
        self._canvas.setFillColor(color)
        self._canvas.rect(LEFT, self._y - 2 * mm, RIGHT - LEFT, height, stroke=0, fill=1)

    def _row(self, columns: Sequence[Column], cells: Sequence[str], font: str = REGULAR, color: Color = DARK) -> None:
        x = LEFT
        for column, cell in zip(columns, cells, strict=True):
            width = column.width * mm
            edge = x + width - 2 * mm if column.is_number else x + 2 * mm
            self._text(edge, self._y, cell, size=8.5, font=font, color=color, align_right=column.is_number)
            x += width
        self._y -= 6.4 * mm

    def _rule(self) -> None:
        self._canvas.setStrokeColor(GREEN)
        self._canvas.setLineWidth(0.8)
        self._canvas.line(LEFT, self._y + 4.4 * mm, RIGHT, self._y + 4.4 * mm)

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        font: str = REGULAR,
        color: Color = DARK,
        align_right: bool = False,
    ) -> None:
        self._canvas.setFillColor(color)
        self._canvas.setFont(font, size)
        (self._canvas.drawRightString if align_right else self._canvas.drawString)(x, y, text)
