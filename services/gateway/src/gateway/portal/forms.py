"""What a person typed into a form, and what is wrong with it, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.requests import Request

from chassis.problems import Problem

_MOST_FIELDS = 50


@dataclass(slots=True)
class Form:
    """Values by field, and messages (marked for translation) by field; `""` holds what concerns the whole form."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def require(self, name: str, message: str) -> None:
        if not self[name].strip():
            self.errors.setdefault(name, message)


async def submitted(request: Request) -> Form:
    """Read a form as browsers send it. Raises Problem 415 for another encoding, 400 for what no browser sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415)
    try:
        pairs = parse_qsl(
            (await request.body()).decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise Problem(400) from error
    return Form(dict(pairs))
