"""What each customer gets in the sample data: several months of several document types, computed from one day."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from kundenportal_local.samples.customers import BUTCHER, CUSTOMERS, FARM, MUNICIPALITY, Customer
from kundenportal_local.samples.money import VAT, cents, day, month, month_before

MONTHS = 7
PAYMENT = timedelta(days=14)


@dataclass(frozen=True)
class Item:
    """One line of an invoice."""

    done_on: date
    text: str
    quantity: Decimal
    unit: str
    price: Decimal

    @property
    def amount(self) -> Decimal:
        return cents(self.quantity * self.price)


@dataclass(frozen=True)
class Paper:
    """One document, before it is drawn."""

    customer: Customer
    number: str
    document_type: str
    issued_on: date
    subject: str
    items: tuple[Item, ...] = ()
    refers_to: str = ""

    @property
    def net(self) -> Decimal:
        return sum((item.amount for item in self.items), Decimal(0))

    @property
    def vat(self) -> Decimal:
        return cents(self.net * VAT)

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat

    @property
    def has_amount(self) -> bool:
        return self.document_type in {"invoice", "credit_note", "cancellation", "reminder"}

    @property
    def due_on(self) -> date | None:
        return self.issued_on + PAYMENT if self.document_type in {"invoice", "reminder"} else None


def all_papers(today: date) -> tuple[Paper, ...]:
    """Every paper of every customer, issued on or before this day; the same day gives the same papers."""
    return tuple(paper for customer in CUSTOMERS for paper in _of(customer, today) if paper.issued_on <= today)


def _of(customer: Customer, today: date) -> Iterator[Paper]:
    invoices = []
    start = month_before(today, MONTHS + 1)
    yield Paper(customer, f"V{customer.number}-01", "contract", start.replace(day=15), "Abholung und Verwertung")
    for index in range(MONTHS):
        period = month_before(today, MONTHS - index)
        issued_on = month_before(period, -1).replace(day=2)
        items = _services(customer, period)
        invoice = Paper(
            customer, _number("R", customer, index), "invoice", issued_on, f"Leistungen im {month(period)}", items
        )
        invoices.append(invoice)
        yield invoice
        if index >= MONTHS - 2:
            pickup = period.replace(day=12)
            yield Paper(
                customer, _number("L", customer, index), "delivery_note", pickup, f"Abholung am {day(pickup)}", items
            )
    yield from _exceptions(customer, invoices)
    quarter = month_before(today, 1).replace(day=5)
    yield Paper(customer, _number("K", customer, 0), "statement", quarter, f"Stand {day(quarter)}", _balance(invoices))


def _exceptions(customer: Customer, invoices: list[Paper]) -> Iterator[Paper]:
    """What went otherwise than planned, for each customer something else."""
    first, second = invoices[1], invoices[3]
    if customer is FARM:
        refund = (Item(second.issued_on, "Anfahrt, doppelt berechnet", Decimal(1), "Stück", Decimal("38.50")),)
        issued_on = second.issued_on + timedelta(days=6)
        number = _number("G", customer, 0)
        yield Paper(customer, number, "credit_note", issued_on, f"zu {second.number}", refund, second.number)
    if customer is BUTCHER:
        issued_on = first.issued_on + timedelta(days=24)
        fee = (*first.items, Item(issued_on, "Mahngebühr", Decimal(1), "Stück", Decimal("4.20")))
        yield Paper(customer, _number("M", customer, 0), "reminder", issued_on, f"zu {first.number}", fee, first.number)
    if customer is MUNICIPALITY:
        issued_on = second.issued_on + timedelta(days=3)
        back = tuple(Item(item.done_on, item.text, -item.quantity, item.unit, item.price) for item in second.items)
        number = _number("S", customer, 0)
        yield Paper(customer, number, "cancellation", issued_on, f"zu {second.number}", back, second.number)


def _services(customer: Customer, period: date) -> tuple[Item, ...]:
    return tuple(_CATALOGUE[customer.number](period))


def _farm(period: date) -> Iterator[Item]:
    yield Item(period.replace(day=5), "Abholung Falltier Rind, über 24 Monate", Decimal(1), "Stück", Decimal("89.40"))
    calves = Decimal(1 + period.month % 3)
    yield Item(period.replace(day=12), "Abholung Falltier Kalb, bis 6 Monate", calves, "Stück", Decimal("24.80"))
    yield Item(period.replace(day=12), "BSE-Probenahme mit Laborversand", Decimal(1), "Stück", Decimal("31.00"))
    yield Item(period.replace(day=19), "Anfahrt", Decimal(2), "Stück", Decimal("38.50"))


def _butcher(period: date) -> Iterator[Item]:
    weight = Decimal(64 + 3 * (period.month % 5)) / 10
    yield Item(period.replace(day=4), "Schlachtnebenprodukte, Kategorie 3", weight, "dt", Decimal("8.50"))
    yield Item(period.replace(day=11), "Knochen und Schwarten", weight / 2, "dt", Decimal("6.20"))
    yield Item(period.replace(day=12), "Altspeisefett, 120-l-Fass getauscht", Decimal(2), "Stück", Decimal("12.90"))
    yield Item(period.replace(day=25), "Behälterreinigung 240 l", Decimal(4), "Stück", Decimal("6.75"))


def _municipality(period: date) -> Iterator[Item]:
    found = Decimal(2 + period.month % 4)
    yield Item(period.replace(day=7), "Abholung Wildunfall / Fundtier", found, "Stück", Decimal("46.00"))
    yield Item(period.replace(day=12), "Kühlcontainer, Monatsmiete", Decimal(1), "Monat", Decimal("145.00"))
    yield Item(period.replace(day=21), "Anfahrt", found, "Stück", Decimal("38.50"))


def _balance(invoices: list[Paper]) -> tuple[Item, ...]:
    return tuple(Item(one.issued_on, f"Rechnung {one.number}", Decimal(1), "", one.gross) for one in invoices[-4:-1])


def _number(letter: str, customer: Customer, index: int) -> str:
    return f"{letter}00999{customer.first_paper + 13 * index:05}"


_CATALOGUE: dict[str, Callable[[date], Iterator[Item]]] = {
    FARM.number: _farm,
    BUTCHER.number: _butcher,
    MUNICIPALITY.number: _municipality,
}
