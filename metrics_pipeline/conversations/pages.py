"""A reply of a Conversations API v3 becomes a page."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any, NamedTuple

import msgspec


class Item(NamedTuple):
    """One conversation of a page."""

    key: str
    """Its id, or a fingerprint of what has none."""
    content_hash: bytes
    waiting_since: datetime | None
    """When it started, while it is still in progress."""


class Page(NamedTuple):
    """One reply that could be read."""

    content: bytes
    """A page as an export file holds it, without the cursor: the same conversations are the same bytes."""
    items: tuple[Item, ...]
    cursor: str | None
    next_offset: int | None
    byte_count: int


class _Reply(msgspec.Struct):
    conversations: list[msgspec.Raw]
    cursor: str | None = None
    next_offset: int | None = None


class _Head(msgspec.Struct):
    id: Any = None
    in_progress: Any = None
    started_at: Any = None


_REPLY = msgspec.json.Decoder(_Reply)
_HEAD = msgspec.json.Decoder(_Head)


def read_page(body: bytes) -> Page | None:
    """A reply as a page; None where it is none, or was cut.

    A page with an item that only a lenient reader takes (NaN, half a character) is kept as it came: landing says what
    is wrong with that item, and the others are not held up by it.
    """
    try:
        reply = _REPLY.decode(body)
        content = b'{"conversations":[' + b",".join(map(bytes, reply.conversations)) + b"]}"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = _leniently(body)
        if found is None:
            return None
        reply, content = found, body
    items = tuple(_item(raw) for raw in reply.conversations)
    return Page(content, items, reply.cursor or None, reply.next_offset, len(body))


def _leniently(body: bytes) -> _Reply | None:
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"))
        conversations = [msgspec.Raw(json.dumps(one).encode()) for one in found["conversations"]]
        rest = {"conversations": [], "cursor": found.get("cursor"), "next_offset": found.get("next_offset")}
        reply = msgspec.convert(rest, _Reply)
        # Half a character can be neither sent nor kept.
        (reply.cursor or "").encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    reply.conversations = conversations
    return reply


def _item(raw: msgspec.Raw) -> Item:
    content = bytes(raw)
    content_hash = hashlib.blake2b(content, digest_size=16).digest()
    try:
        head = _HEAD.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        head = _Head()
    has_id = isinstance(head.id, str | int) and not isinstance(head.id, bool) and head.id != ""
    waiting_since = _moment(head.started_at) if head.in_progress is True else None
    return Item(f"id {head.id}" if has_id else content_hash.hex(), content_hash, waiting_since)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc) if moment and moment.tzinfo is None else moment
