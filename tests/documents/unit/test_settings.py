"""What documents reads from its environment."""

import pytest

from chassis.settings import SettingsInvalid, load_settings
from documents.settings import DocumentsSettings
from tests.documents.making import settings

ENVIRON = {
    "KUNDENPORTAL_HTTP_PORT": "8002",
    "KUNDENPORTAL_MANAGEMENT_PORT": "9002",
    "KUNDENPORTAL_DATABASE_URL": "postgresql://documents:secret@127.0.0.1:5432/documents",
    "KUNDENPORTAL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "KUNDENPORTAL_IDENTITY_URL": "http://127.0.0.1:8001",
    "KUNDENPORTAL_S3_ENDPOINT": "http://127.0.0.1:9000",
    "KUNDENPORTAL_S3_ACCESS_KEY": "access",
    "KUNDENPORTAL_S3_SECRET_KEY": "very-secret",
    "KUNDENPORTAL_S3_DOCUMENTS_BUCKET": "documents",
    "KUNDENPORTAL_S3_INTAKE_BUCKET": "intake",
}


def test_the_rest_has_defaults() -> None:
    """Only addresses and keys have to be set."""
    loaded = load_settings(DocumentsSettings, ENVIRON)
    assert (loaded.billing_sources, loaded.max_document_bytes, loaded.retention_months) == (
        ("billing/*",),
        25_000_000,
        13,
    )


@pytest.mark.parametrize("missing", ENVIRON)
def test_every_missing_variable_is_named(missing: str) -> None:
    """Without one of them the service does not start and says which."""
    with pytest.raises(SettingsInvalid, match=missing):
        load_settings(DocumentsSettings, {name: value for name, value in ENVIRON.items() if name != missing})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MAX_DOCUMENT_BYTES", "0"), ("RETENTION_MONTHS", "-1"), ("S3_INTAKE_BUCKET", "../x"), ("BILLING_SOURCES", ",")],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    """Values out of bounds are told by the variable's name."""
    with pytest.raises(SettingsInvalid, match=f"KUNDENPORTAL_{variable}"):
        load_settings(DocumentsSettings, {**ENVIRON, f"KUNDENPORTAL_{variable}": value})


@pytest.mark.parametrize(
    ("source", "taken"),
    [("billing/sap-1", True), ("billing/sap/eu", True), ("Billing/sap-1", False), ("crm/1", False), ("billing", False)],
)
def test_billing_sources_are_patterns(source: str, taken: bool) -> None:
    """By default everybody under billing/ is billing, and nobody else."""
    assert settings().is_billing(source) is taken
