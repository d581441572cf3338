"""Alembic's entry: the chassis runs it, inside one transaction."""

from chassis.migrations import run_env
from documents.adapters.tables import metadata

run_env(metadata)
