"""The second wall between customers: a policy on every table that names a customer, and the check that none lacks it."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

POLICY = "customer_or_service"

# Tables that need no policy, each with its reason; a service names its further ones (keys) when it asks.
WITHOUT_POLICY: dict[str, str] = {
    "alembic_version": "names the schema's revision and nothing of a customer",
    "inbox": "ids and hashes of events that took effect, used in service transactions alone",
    "outbox": "what waits to be published, written beside a customer's rows and read by the relay alone",
}

# current_setting(…, true) is NULL before its first use on a connection and '' after it.
_RULE = (
    "customer_number = nullif(current_setting('app.customer', true), '')"
    " OR current_setting('app.scope', true) = 'service'"
)

_TABLES = text("""
    SELECT c.relname AS name,
           c.relrowsecurity AND c.relforcerowsecurity AS forced,
           EXISTS (SELECT FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attname = 'customer_number' AND NOT a.attisdropped) AS names_customer,
           ARRAY(SELECT concat_ws(' ', p.polname, p.polcmd::text, p.polpermissive, p.polroles::text,
                                  'using', pg_get_expr(p.polqual, p.polrelid),
                                  'check', pg_get_expr(p.polwithcheck, p.polrelid))
                 FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1) AS policies
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    ORDER BY c.relname
""")


class Executes(Protocol):
    """Alembic's `op`, as far as it is needed here."""

    def execute(self, sqltext: Any, /) -> object: ...


def enable_row_level_security(op: Executes, table: str) -> None:
    """Hide the rows of `table` from all but their customer's transactions and service transactions; for migrations.

    FORCE binds the table's owner, too, which the service's role is. The table needs a column customer_number.
    """
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY {POLICY} ON "{table}" USING ({_RULE}) WITH CHECK ({_RULE})')


async def tables_without_policy(
    connection: AsyncConnection, allowed: Mapping[str, str] = WITHOUT_POLICY
) -> dict[str, str]:
    """Find the tables of schema public that lack the wall, each with what is wrong; empty is as it should be.

    `allowed` maps the tables that need none to the reason: `WITHOUT_POLICY | {"signing_key": "…"}`. A table on it that
    names a customer is told all the same, and so is a policy that differs from the one rule.
    """
    faults = {}
    for table in await connection.execute(_TABLES):
        fault = _fault(table.name, table.forced, table.names_customer, table.policies, allowed)
        if fault:
            faults[table.name] = fault
    return faults


def _fault(
    name: str, forced: bool, names_customer: bool, policies: list[str], allowed: Mapping[str, str]
) -> str | None:
    if name in allowed and not names_customer:
        return None
    if not forced:
        return "row-level security is not enabled and forced"
    if [_bare(policy) for policy in policies] != [_bare(f"{POLICY} * t {{0}} using {_RULE} check {_RULE}")]:
        return f"its policies are not the one rule: {policies}"
    return None


def _bare(expression: str) -> str:
    """Take out what PostgreSQL adds to an expression that it stores: casts to text, parentheses, another case."""
    return re.sub(r"[()\s]", "", expression.lower().replace("::text", ""))
