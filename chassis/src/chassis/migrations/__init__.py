"""Alembic for every service alike (`upgrade`) and the second wall between customers (`row_level_security`)."""

from chassis.migrations.row_level_security import WITHOUT_POLICY, enable_row_level_security, tables_without_policy
from chassis.migrations.upgrade import MigrationsBusy, current_revision, newest_revision, run_env, upgrade

__all__ = [
    "WITHOUT_POLICY",
    "MigrationsBusy",
    "current_revision",
    "enable_row_level_security",
    "newest_revision",
    "run_env",
    "tables_without_policy",
    "upgrade",
]
