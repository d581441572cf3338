"""The sample data: every paper is one that billing could have made, on whatever day the portal is first started."""

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pikepdf
import pytest

from kundenportal_contracts.billing import CustomerRegistered
from kundenportal_local.samples.customers import CUSTOMERS, ONBOARDED
from kundenportal_local.samples.drawing import LABELS, draw
from kundenportal_local.samples.money import euro, month_before
from kundenportal_local.samples.papers import Paper, all_papers
from kundenportal_local.samples.state import load, save

DAYS = [date(2026, 11, 23), date(2027, 1, 1), date(2028, 2, 29), date(2026, 3, 31), date(2026, 7, 4)]


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_papers_are_plausible_on_any_day(today: date) -> None:
    """Numbers are unique, nothing is issued tomorrow, every customer has something, sums have two decimals."""
    papers = all_papers(today)
    assert len({paper.number for paper in papers}) == len(papers)
    assert max(paper.issued_on for paper in papers) <= today
    assert {paper.customer for paper in papers} == set(CUSTOMERS)
    assert all(paper.gross.as_tuple().exponent == -2 for paper in papers if paper.has_amount)


def test_every_document_type_is_there() -> None:
    """The list can be grouped and filtered by every type that a customer meets."""
    assert {paper.document_type for paper in all_papers(DAYS[0])} == set(LABELS)


def one_of_each_type() -> list[Paper]:
    return list({paper.document_type: paper for paper in all_papers(DAYS[0])}.values())


@pytest.mark.parametrize("paper", one_of_each_type(), ids=lambda paper: paper.document_type)
def test_a_paper_is_a_sound_pdf_and_the_same_each_time(paper: Paper) -> None:
    """Resuming an interrupted start hands over the very same bytes, so nothing is doubled."""
    content = draw(paper)
    assert draw(paper) == content
    with pikepdf.open(io.BytesIO(content)) as document:
        assert len(document.pages) == 1
        assert document.docinfo["/Title"] == f"{LABELS[paper.document_type]} {paper.number}"


def test_the_customers_can_be_registered() -> None:
    """Billing's own model takes every sample customer."""
    for customer in CUSTOMERS:
        CustomerRegistered(
            customer_number=customer.number,
            company=customer.company,
            email=customer.email,
            username=customer.username,
            salutation=customer.salutation,
            first_name=customer.first_name,
            last_name=customer.last_name,
            language="de",
        )


def test_the_state_survives_and_is_for_its_owner(tmp_path: Path) -> None:
    """Passwords stay the same from start to start, and nobody else can read them."""
    path = tmp_path / "state.json"
    state = load(path)
    state.registered = True
    save(path, state)
    assert load(path) == state
    assert set(state.passwords) == {customer.number for customer in ONBOARDED}
    assert path.stat().st_mode & 0o777 == 0o600
    assert not json.loads(path.read_text())["handed_over"]


def test_amounts_read_german() -> None:
    """A thousand has a dot, a cent a comma, and December comes before January."""
    assert euro(Decimal("1234.5")) == "1.234,50 €"
    assert euro(Decimal("-0.005")) == "-0,01 €"
    assert month_before(date(2027, 1, 15), 1) == date(2026, 12, 1)
