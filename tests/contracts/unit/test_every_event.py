"""Every event of the interface: which there are, what each holds, and that each refuses what is no such thing."""

import json
from typing import Any

import pytest

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.envelope import EventData, EventInvalid, decode, validate
from tests.contracts.golden import FIRST, read

INTERFACE = {
    "billing.customers.v1": {"CustomerRegistered", "CustomerChanged", "CustomerClosed"},
    "identity.customers.v1": {"CustomerAccepted", "CustomerRejected"},
    "billing.documents.v1": {"DocumentIssued", "DocumentWithdrawn"},
    "documents.documents.v1": {
        "DocumentPublished",
        "DocumentRejected",
        "DocumentRemoved",
        "RetentionEnding",
        "ArchiveReady",
    },
    "identity.users.v1": {"UserCreated", "UserChanged", "UserDeactivated", "UserReactivated", "UserDeleted"},
    "identity.credentials.v1": {
        "InitialPasswordIssued",
        "InvitationIssued",
        "PasswordResetRequested",
        "EmailChangeRequested",
    },
    "notifier.deliveries.v1": {"MailSent", "MailDelayed", "MailBounced", "MailFailed", "MailUnknown", "ForwardPaused"},
}
IDS = ["", "4711", "not-a-uuid", 5, None]
MOMENTS = ["", "2026-11-23", "2026-11-23T10:15:00", "morgen", 1764000000, None]
# What no event takes in a field of this name.
BAD: dict[str, list[Any]] = {
    **dict.fromkeys(("user_id", "delivery_id", "forward_id", "archive_id", "quarantine_id"), IDS),
    **dict.fromkeys(("published_at", "expires_at", "at"), MOMENTS),
    "customer_number": ["", "47/11", "4711\n", "x" * 33, 4711],
    "user_version": [0, -1, 2**31, 1.0, "1", True, None],
    "version": [0, -1, 2**31, 1.5, "1", True],
    "first": [0, "true", None],
    "current": [1, "false", None],
    "role": ["", "owner", "Member", None],
    "status": ["", "deleted", None],
    "username": ["", "ab", "Max", "max mustermann", "m" * 33],
    "address": ["", "max", "Max <max@mail.de>", "a@b.de\r\nBcc: c@d.de", None],
    "email": ["", "max", "a@b.de\nBcc: c@d.de", None],
    "old_email": ["", "max"],
    "secret": ["", "geheim", "a.b.c", "a..b.c", "a..b.c.d\n", "a..b.c.ä", "a..b.c." + "d" * 8192, None],
    "form": ["", "pdf", None],
    "purpose": ["", "Document Published", "x" * 65, None],
    "document_ids": [[], ["4711"], "a9d1c7e4-52b3-4f6a-9c0d-1e2f3a4b5c6d", [None], None],
    "until": ["", "23.12.2027", "2027-12-23T00:00:00Z", "2027-02-30", None],
    "available_until": ["", "23.12.2027", "9999-12-31", None],
    "einvoice": [{}, {"profile": ""}, {"profile": None}, "XRechnung", ["XRechnung"]],
    "findings": [None, {}, ["repaired"], [{"code": "Repaired PDF", "detail": ""}], [{"code": "repaired"}]],
    "object_key": ["", "a\0b", "x" * 1025, None],
    "media_type": ["", "text/html", None],
    "size": [-1, 1.5, "3", True, None],
    "sha256": ["", "5c" * 31, "zz" * 32, None],
}
REASONS = {
    "identity.CustomerRejected.v1": ["", "too_large", None],
    "documents.DocumentRejected.v1": ["", "virus", None],
    "documents.DocumentRemoved.v1": ["", "Kulanz", None],
}


def refused_field(model: type[EventData], data: dict[str, Any]) -> str:
    with pytest.raises(EventInvalid) as refused:
        decode(model, json.dumps(data).encode())
    assert refused.value.reason == "invalid_field"
    return (refused.value.field or "").partition(".")[0]


def data_of(ce_type: str) -> dict[str, Any]:
    data: dict[str, Any] = read(FIRST[ce_type])["data"]
    return data


def test_the_events_are_those_of_the_interface() -> None:
    """Each stands on its topic, and there is no other."""
    said = {name: {f"{name.partition('.')[0]}.{event}.v1" for event in events} for name, events in INTERFACE.items()}
    assert {ce_type: model.topic.name for ce_type, model in EVENTS.items()} == {
        ce_type: topic for topic, types in said.items() for ce_type in types
    }


@pytest.mark.parametrize("ce_type", EVENTS)
def test_what_no_field_can_be_is_refused_by_name(ce_type: str) -> None:
    """An object where a value belongs: whichever field it is, the refusal names it."""
    data = data_of(ce_type)
    for field in EVENTS[ce_type].model_fields:
        assert refused_field(EVENTS[ce_type], {**data, field: {"a": [1]}}) == field


@pytest.mark.parametrize("ce_type", EVENTS)
def test_a_value_out_of_bounds_is_refused_by_name(ce_type: str) -> None:
    """The bounds of a field hold in every event that has it."""
    data = data_of(ce_type)
    bad = {field: BAD[field] for field in data if field in BAD and not (field == "username" and "company" in data)}
    bad |= {"reason": REASONS[ce_type]} if ce_type in REASONS else {}
    for field, values in bad.items():
        for value in values:
            assert refused_field(EVENTS[ce_type], {**data, field: value}) == field, value


@pytest.mark.parametrize("ce_type", EVENTS)
def test_a_field_that_is_left_out_is_named(ce_type: str) -> None:
    """What must be there is missed by name; what may be left out reads as null or empty."""
    data = data_of(ce_type)
    for field, info in EVENTS[ce_type].model_fields.items():
        rest = {name: value for name, value in data.items() if name != field}
        if info.is_required():
            assert refused_field(EVENTS[ce_type], rest) == field
        else:
            assert getattr(validate(EVENTS[ce_type], rest), field) in (None, ())


@pytest.mark.parametrize("ce_type", EVENTS)
def test_what_a_later_version_adds_is_ignored(ce_type: str) -> None:
    """An unknown field neither disturbs nor shows."""
    data = data_of(ce_type)
    assert validate(EVENTS[ce_type], {**data, "neu": [1, {}]}) == validate(EVENTS[ce_type], data)


def test_an_e_invoice_keeps_what_it_says_beyond_its_profile() -> None:
    """Fields of an e-invoice travel as they came."""
    model = EVENTS["documents.DocumentPublished.v1"]
    data = {**data_of(model.ce_type), "einvoice": {"profile": "urn:x", "number": "R1", "total": "1.00"}}
    assert validate(model, data).model_dump(mode="json")["einvoice"] == data["einvoice"]
