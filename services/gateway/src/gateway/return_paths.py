"""Where `weiter=` may lead after the login: to a page of this portal and nowhere else."""

import re

_LONGEST = 500
# No empty, dot or percent-encoded segment, so no browser can read a host or an escape out of it.
_LOCAL = re.compile(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)?(?:\?[!-\[\]-~]*)?")
_NO_RETURN = ("/login", "/logout", "/api/", "/static/")


def return_path(asked: str | None) -> str:
    """Give the local path that was asked for, or `/` for anything that is not plainly one."""
    if not asked or len(asked) > _LONGEST or not _LOCAL.fullmatch(asked) or "#" in asked:
        return "/"
    return "/" if asked.startswith(_NO_RETURN) else asked
