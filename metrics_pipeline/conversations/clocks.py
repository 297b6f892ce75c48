"""Whether a conversation's clock can be believed: a wrong one files it under a day on which it never was.

What is an export of last year cannot be told from a clock that is a year late, unless the record says two things.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.record import InColumns

AHEAD = timedelta(days=2)
"""Clocks differ, and a time without a zone is taken to be in UTC."""
BEFORE_ITS_START = timedelta(days=1)
LONGEST = timedelta(days=300)
"""A conversation in writing may rest for months before it goes on; a clock that is a year wrong is wrong by more."""


def require_possible_times(found: InColumns, now: datetime) -> None:
    """Refuse a conversation whose times cannot all be true.

    Raises:
        Unreadable: It began after `now`, or its turns were said before it began or a year later.
    """
    started_at = found.head.started_at
    if started_at > now + AHEAD:
        raise Unreadable("it began in the future: its clock is wrong, or this machine's")
    first = min(filter(None, found.times), default=None)
    if first is None:
        return
    if first < started_at - BEFORE_ITS_START:
        raise Unreadable("its turns were said before it began: one of its clocks is wrong")
    if first > started_at + LONGEST:
        raise Unreadable(f"its first turn was said over {LONGEST.days} days after it began: one of its clocks is wrong")
