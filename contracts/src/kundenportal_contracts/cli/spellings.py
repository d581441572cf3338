"""How German spreadsheets write days and amounts: taken where they can mean one thing only."""

import re

from kundenportal_contracts.fields import plain

GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
GERMAN_AMOUNT = re.compile(r"(-?)(\d{1,15}|\d{1,3}(?:\.\d{3}){1,4}),(\d{1,4})", re.ASCII)
# One thousand one hundred and ninety, or a bit more than one.
AMBIGUOUS_AMOUNT = re.compile(r"-?\d{1,3}\.\d{3}", re.ASCII)
SHOWN = 40

HOW = {
    "customer_number": "must be 1 to 32 letters, digits, . _ or -, the first a letter or digit",
    "document_number": "must be 1 to 64 printable characters without / and \\",
    "document_type": "must be 1 to 64 printable characters, e.g. invoice",
    "issued_on": "must be a day from 1900 to 2199, written 2018-03-02 or 02.03.2018",
    "due_on": "must be a day from 1900 to 2199, written 2018-03-16 or 16.03.2018",
    "gross_amount": "must be an amount, written 1190.00 or 1190,00",
    "currency": "must be three capital letters, e.g. EUR",
    "media_type": "must be application/pdf or application/xml",
}


def one_meaning(column: str, text: str) -> str:
    """Give the text as the interface writes it; ValueError where it could mean two things. Other text stays as it is."""
    if column in {"issued_on", "due_on"} and (day := GERMAN_DAY.fullmatch(text)):
        return f"{day[3]}-{int(day[2]):02}-{int(day[1]):02}"
    if column == "gross_amount":
        if AMBIGUOUS_AMOUNT.fullmatch(text):
            whole = text.replace(".", "")
            raise ValueError(f"{text} could mean two amounts: write {whole}.00, or {text}0")
        if amount := GERMAN_AMOUNT.fullmatch(text):
            return f"{amount[1]}{amount[2].replace('.', '')}.{amount[3]}"
    return text


def shown(text: str) -> str:
    """Quote what stands in a cell, cut and without what would disturb a terminal."""
    try:
        plain(text)
    except ValueError:
        text = ascii(text)[1:-1]
    return f"«{text[:SHOWN]}…»" if len(text) > SHOWN else f"«{text}»"
