"""The library apprise, loaded where somebody is to be told, and kept from writing addresses into logs."""

from __future__ import annotations

import logging
from typing import Any


def load_apprise() -> Any:
    """The module. What it logs goes no further than to who catches it here, and holds no address."""
    import apprise

    log = logging.getLogger("apprise")
    log.propagate = False
    if _holds_no_address not in log.filters:
        log.addFilter(_holds_no_address)
        # Without one, Python writes what is worse than INFO to standard error by itself.
        log.addHandler(logging.NullHandler())
    return apprise


def _holds_no_address(record: logging.LogRecord) -> bool:
    return "://" not in record.getMessage()
