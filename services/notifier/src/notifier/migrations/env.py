"""Alembic's entry: the chassis runs the migrations of this service's own database."""

from chassis.migrations import run_env
from notifier.adapters.tables import metadata

run_env(metadata)
