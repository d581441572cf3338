"""A paper of the sample data as PDF, by its document type."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from kundenportal_local.samples.letter import Column, Letter
from kundenportal_local.samples.money import day, euro, number
from kundenportal_local.samples.papers import Paper

LABELS: Mapping[str, str] = {
    "invoice": "Rechnung",
    "credit_note": "Gutschrift",
    "cancellation": "Stornorechnung",
    "reminder": "Mahnung",
    "delivery_note": "Lieferschein",
    "statement": "Kontoauszug",
    "contract": "Vertrag",
}
PRICED = (
    Column("Datum", 21),
    Column("Leistung", 70),
    Column("Menge", 16, is_number=True),
    Column("Einheit", 16),
    Column("Einzelpreis", 22, is_number=True),
    Column("Betrag", 20, is_number=True),
)
WEIGHED = (Column("Datum", 22), Column("Was", 98), Column("Menge", 22, is_number=True), Column("Einheit", 23))
ACCOUNT = (Column("Datum", 24), Column("Vorgang", 101), Column("Betrag", 40, is_number=True))
CLAUSES = (
    (
        "1. SecAnim holt tierische Nebenprodukte im Sinne der Verordnung (EG) Nr. 1069/2009 beim Kunden ab und führt sie der "
        "vorgeschriebenen Verarbeitung zu. Die Abholung erfolgt nach Anmeldung, spätestens am folgenden Werktag."
    ),
    (
        "2. Der Kunde stellt das Material an einem befahrbaren Ort bereit, getrennt nach den Kategorien 1, 2 und 3, und schützt "
        "es vor unbefugtem Zugriff. Behälter bleiben Eigentum von SecAnim."
    ),
    (
        "3. Abgerechnet wird monatlich nach der jeweils gültigen Preisliste. Rechnungen stehen im Kundenportal 13 Monate lang "
        "zum Abruf bereit; auf Wunsch kommen sie zusätzlich per E-Mail."
    ),
    (
        "4. Der Vertrag läuft auf unbestimmte Zeit und kann mit einer Frist von drei Monaten zum Ende eines Kalenderjahres "
        "gekündigt werden."
    ),
)


def draw(paper: Paper) -> bytes:
    """The PDF; the same paper gives the same bytes."""
    label = LABELS[paper.document_type]
    customer = paper.customer
    letter = Letter(f"{label} {paper.number}")
    salutation = {"mr": "Herrn ", "mrs": "Frau "}.get(customer.salutation, "")
    letter.address([customer.company, salutation + customer.person, customer.street, customer.city])
    facts = [(f"{label} Nr.", paper.number), ("Datum", day(paper.issued_on)), ("Kundennummer", customer.number)]
    if paper.refers_to:
        facts.append(("Bezug", paper.refers_to))
    if paper.due_on:
        facts.append(("Zahlbar bis", day(paper.due_on)))
    letter.facts(facts)
    letter.heading(f"{label}: {paper.subject}")
    _BODIES[paper.document_type](letter, paper)
    return letter.finish()


def _invoice(letter: Letter, paper: Paper) -> None:
    letter.paragraph("Guten Tag, für unsere Leistungen berechnen wir Ihnen:")
    _priced(letter, paper, "Gesamtbetrag")
    letter.paragraph(
        f"Bitte überweisen Sie {euro(paper.gross)} bis zum {day(paper.due_on or paper.issued_on)} unter Angabe der Rechnungsnummer "
        f"{paper.number} auf das unten genannte Konto. Vielen Dank für Ihr Vertrauen!"
    )


def _credit_note(letter: Letter, paper: Paper) -> None:
    letter.paragraph(f"Guten Tag, zu unserer Rechnung {paper.refers_to} schreiben wir Ihnen gut:")
    _priced(letter, paper, "Gutschrift")
    letter.paragraph("Den Betrag verrechnen wir mit Ihrer nächsten Rechnung. Bitte entschuldigen Sie das Versehen.")


def _cancellation(letter: Letter, paper: Paper) -> None:
    letter.paragraph(f"Guten Tag, hiermit stornieren wir unsere Rechnung {paper.refers_to} vollständig:")
    _priced(letter, paper, "Storno")
    letter.paragraph("Sie erhalten in den nächsten Tagen eine neue Rechnung mit der vereinbarten Kostenstelle.")


def _reminder(letter: Letter, paper: Paper) -> None:
    letter.paragraph(
        f"Guten Tag, sicher ist es Ihrer Aufmerksamkeit entgangen: Für unsere Rechnung {paper.refers_to} konnten wir noch keinen "
        "Zahlungseingang feststellen. Offen sind:"
    )
    _priced(letter, paper, "Offener Betrag")
    letter.paragraph("Haben Sie inzwischen gezahlt? Dann betrachten Sie dieses Schreiben bitte als gegenstandslos.")


def _delivery_note(letter: Letter, paper: Paper) -> None:
    letter.paragraph("Handelsdokument nach Verordnung (EU) Nr. 142/2011. Abgeholt wurden:")
    rows = [
        (day(item.done_on), item.text, number(item.quantity), item.unit)
        for item in paper.items
        if item.done_on <= paper.issued_on
    ]
    letter.table(WEIGHED, rows)
    letter.paragraph("Das Material wurde verplombt übernommen. Fahrzeug OS-SA 1069, Fahrer: Łukasz Böhm.")
    letter.signatures("Für SecAnim", f"Für {paper.customer.company}")


def _statement(letter: Letter, paper: Paper) -> None:
    letter.paragraph("Guten Tag, so steht Ihr Kundenkonto:")
    letter.table(ACCOUNT, [(day(item.done_on), item.text, euro(item.amount)) for item in paper.items])
    letter.totals([("Saldo", euro(sum((item.amount for item in paper.items), Decimal(0))))])
    letter.paragraph("Ohne Ihre Nachricht innerhalb von vier Wochen gehen wir davon aus, dass Sie zustimmen.")


def _contract(letter: Letter, paper: Paper) -> None:
    letter.paragraph(f"zwischen der SecAnim GmbH, Glandorf, und {paper.customer.company}, {paper.customer.city}.")
    for clause in CLAUSES:
        letter.paragraph(clause)
    letter.signatures(
        f"Glandorf, {day(paper.issued_on)} – SecAnim GmbH", f"{paper.customer.person}, {paper.customer.company}"
    )


def _priced(letter: Letter, paper: Paper, total: str) -> None:
    rows = [
        (day(item.done_on), item.text, number(item.quantity), item.unit, euro(item.price), euro(item.amount))
        for item in paper.items
    ]
    letter.table(PRICED, rows)
    letter.totals([("Netto", euro(paper.net)), ("zzgl. 19 % USt", euro(paper.vat)), (total, euro(paper.gross))])


_BODIES: Mapping[str, Callable[[Letter, Paper], None]] = {
    "invoice": _invoice,
    "credit_note": _credit_note,
    "cancellation": _cancellation,
    "reminder": _reminder,
    "delivery_note": _delivery_note,
    "statement": _statement,
    "contract": _contract,
}
