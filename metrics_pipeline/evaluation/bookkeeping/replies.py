"""Bodies of replies: written as rows, folded into blocks, read from either.

What several replies have in common (their form, the metrics' names, the model's ways of speaking) is most of each, so
a block of many is a third of the size of as many that are compressed alone.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import pyarrow as pa

from metrics_pipeline.evaluation.judge import Finish, JudgeReply

FOLDED = 128
"""Replies in a block. Reading one reads the whole block: 0.3 ms."""
LEVEL = 6
UNREADABLE = (pa.ArrowException, OSError, msgspec.DecodeError)
CHUNK = 900
"""SQLite takes 32,766 values in one statement since 3.32; older builds take 999."""


class Body(NamedTuple):
    """What a reply said, without the figures about it."""

    text: str
    finish: Finish
    model_served: str | None
    left_out: tuple[int, int] | None = None


Figures = tuple[int | None, int | None, int | None, float | None]
"""Tokens of the prompt, of the reply, from a cache, and dollars."""


class Kept(NamedTuple):
    """A reply as it stands in a row or in a block."""

    reply_id: int
    request_id: int
    body: Body | None
    """None where every try failed."""


_Value = TypeVar("_Value")
_codec = pa.Codec("zstd", compression_level=LEVEL)
_encoder = msgspec.msgpack.Encoder()
_one = msgspec.msgpack.Decoder(Body | None)
_many = msgspec.msgpack.Decoder(list[Kept])


def body_of(reply: JudgeReply | None) -> Body | None:
    return None if reply is None else Body(reply.text, reply.finish, reply.model_served, reply.left_out)


def figures_of(reply: JudgeReply | None) -> Figures:
    if reply is None:
        return (None, None, None, None)
    return (reply.prompt_tokens, reply.reply_tokens, reply.cached_tokens, reply.cost_dollars)


def reply_of(body: Body | None, figures: Figures) -> JudgeReply | None:
    return None if body is None else JudgeReply(body.text, body.finish, body.model_served, *figures, body.left_out)


def add(db: sqlite3.Connection, bodies: Sequence[tuple[int, Body | None]]) -> list[int]:
    """Keep (request_id, body) of each and return their ids, none of which was ever used before."""
    first = last_id(db) + 1
    kept = [Kept(number, *body) for number, body in enumerate(bodies, first)]
    restore(db, kept)
    return [one.reply_id for one in kept]


def restore(db: sqlite3.Connection, kept: Sequence[Kept]) -> None:
    """Keep replies under ids that they have already, in the order of their ids and after all that are there."""
    rows = [(one.reply_id, one.request_id, _encoder.encode(one.body)) for one in kept]
    db.executemany("insert into replies values (?, ?, ?)", rows)
    fold(db, FOLDED)


def last_id(db: sqlite3.Connection) -> int:
    """The greatest id that was ever given to a reply."""
    row = db.execute("select seq from sqlite_sequence where name = 'replies'").fetchone()
    return int(row[0]) if row else 0


def fold(db: sqlite3.Connection, size: int, least: int | None = None) -> None:
    """Fold rows into blocks of `size`, while there are at least `least` of them (as many as fill a block)."""
    least = size if least is None else least
    first, last = db.execute("select min(reply_id), max(reply_id) from replies").fetchone()
    # Counting is not free: the range of ids says whether there can be enough.
    while first is not None and last - first + 1 >= least:
        rows = db.execute("select * from replies order by reply_id limit ?", (size,)).fetchall()
        if len(rows) < least:
            return
        put_block(db, [_kept(row) for row in rows])
        first = rows[-1][0] + 1
        db.execute("delete from replies where reply_id < ?", (first,))


def put_block(db: sqlite3.Connection, items: Sequence[Kept]) -> None:
    """Write replies, in the order of their ids, as one block."""
    raw = _encoder.encode(items)
    packed = _codec.compress(raw, asbytes=True)
    db.execute("insert or replace into reply_blocks values (?, ?, ?)", (items[-1].reply_id, len(raw), packed))


def read(db: sqlite3.Connection, reply_ids: Iterable[int]) -> dict[int, Kept]:
    """Each of the replies that is there, by id."""
    wanted = sorted(set(reply_ids))
    found: dict[int, Kept] = {}
    for chunk in chunks(wanted):
        rows = db.execute(f"select * from replies where reply_id in ({marks(chunk)})", chunk)
        found.update((row[0], _kept(row)) for row in rows)
    folded = iter([number for number in wanted if number not in found])
    wanted_now = next(folded, None)
    while wanted_now is not None:
        row = db.execute(
            "select last_reply_id, raw_size, body from reply_blocks where last_reply_id >= ? order by 1 limit 1",
            (wanted_now,),
        ).fetchone()
        if row is None:
            break
        items = {one.reply_id: one for one in unpacked(row[1], row[2])}
        while wanted_now is not None and wanted_now <= row[0]:
            if wanted_now in items:
                found[wanted_now] = items[wanted_now]
            wanted_now = next(folded, None)
    return found


def refold(db: sqlite3.Connection, size: int) -> None:
    """Fold all replies anew, into blocks of `size`."""
    ends = [row[0] for row in db.execute("select last_reply_id from reply_blocks order by 1")]
    held: list[Kept] = []
    for end in ends:
        raw_size, body = db.execute(
            "select raw_size, body from reply_blocks where last_reply_id = ?", (end,)
        ).fetchone()
        db.execute("delete from reply_blocks where last_reply_id = ?", (end,))
        held += unpacked(raw_size, body)
        while len(held) >= size:
            put_block(db, held[:size])
            del held[:size]
    held += [_kept(row) for row in db.execute("select * from replies order by reply_id")]
    db.execute("delete from replies")
    for start in range(0, len(held), size):
        put_block(db, held[start : start + size])


def blocks(db: sqlite3.Connection) -> Iterator[list[Kept]]:
    """Every reply that is kept, in the order of their ids, a block at a time."""
    for raw_size, body in db.execute("select raw_size, body from reply_blocks order by last_reply_id"):
        yield unpacked(raw_size, body)
    yield [_kept(row) for row in db.execute("select * from replies order by reply_id")]


def readable_blocks(db: sqlite3.Connection) -> Iterator[list[Kept] | None]:
    """As `blocks`; None for one that cannot be unpacked."""
    for raw_size, body in db.execute("select raw_size, body from reply_blocks order by last_reply_id"):
        try:
            yield unpacked(raw_size, body)
        except UNREADABLE:
            yield None
    for row in db.execute("select * from replies order by reply_id"):
        try:
            yield [_kept(row)]
        except UNREADABLE:
            yield None


def _kept(row: tuple[int, int, bytes]) -> Kept:
    return Kept(row[0], row[1], _one.decode(row[2]))


def unpacked(raw_size: int, body: bytes) -> list[Kept]:
    return _many.decode(_codec.decompress(body, decompressed_size=raw_size, asbytes=True))


def remove(db: sqlite3.Connection, reply_ids: Iterable[int]) -> None:
    """Take replies out, each block that holds some of them written once."""
    wanted = sorted(set(reply_ids))
    for chunk in chunks(wanted):
        db.execute(f"delete from replies where reply_id in ({marks(chunk)})", chunk)
    gone = set(wanted)
    while wanted:
        row = db.execute(
            "select last_reply_id, raw_size, body from reply_blocks where last_reply_id >= ? order by 1 limit 1",
            (wanted[0],),
        ).fetchone()
        if row is None:
            return
        kept = [one for one in unpacked(row[1], row[2]) if one.reply_id not in gone]
        db.execute("delete from reply_blocks where last_reply_id = ?", (row[0],))
        if kept:
            put_block(db, kept)
        wanted = wanted[bisect_right(wanted, row[0]) :]


def chunks(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
