"""`kundenportal smoke`."""

from kundenportal_local.layout import Layout


def smoke(layout: Layout) -> int:
    raise NotImplementedError
