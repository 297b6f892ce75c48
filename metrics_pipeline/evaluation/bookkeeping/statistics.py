"""What the requests in a ledger came to: counts, tokens, dollars, seconds, bytes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from statistics import fmean, median
from typing import Any

import msgspec

from metrics_pipeline.evaluation.bookkeeping.claims import BATCHED
from metrics_pipeline.evaluation.bookkeeping.names import REPLIED
from metrics_pipeline.evaluation.bookkeeping.records import CORRECTION_ASKING, VERDICT_ASKING, SeenCalls

UNSETTLED = "in flight or lost"
AT_PROVIDER = "in a batch at its provider"

_FIGURES = """count(*) as requests, count(*) filter (where word = 'reply') as replies,
    sum(prompt_tokens) as prompt_tokens, sum(reply_tokens) as reply_tokens, sum(cached_tokens) as cached_tokens,
    sum(cost_dollars) as cost_dollars"""


def request_counts(db: sqlite3.Connection) -> dict[str, int]:
    """Requests by outcome."""
    rows = db.execute(
        "select coalesce(word, iif(process_id = ?, ?, ?)), count(*) from requests "
        "left join words on word_id = outcome_id group by 1 order by 1",
        (BATCHED, AT_PROVIDER, UNSETTLED),
    )
    return dict(rows.fetchall())


def seen_calls(db: sqlite3.Connection, judge: str, limit: int) -> SeenCalls | None:
    """What the newest calls to the judge of that name took; None where there were none. Those in batches do not say."""
    statement = """
        select took, asking, metrics, reply_tokens
        from requests
        inner join questions using (question_id)
        inner join judges using (judge_fingerprint)
        inner join words on word_id = outcome_id
        where judges.name = ? and word = ? and asking in (?, ?) and coalesce(process_id, 0) <> ?
        order by request_id desc limit ?
    """
    seconds, tokens = [], []
    askings: Counter[str] = Counter()
    for took, asking, metrics, reply_tokens in db.execute(
        statement, (judge, REPLIED, VERDICT_ASKING, CORRECTION_ASKING, BATCHED, limit)
    ):
        seconds.append(took / 1_000_000)
        askings[asking] += 1
        if reply_tokens is not None:
            tokens.append(reply_tokens / len(msgspec.json.decode(metrics)))
    if not seconds:
        return None
    corrected = min(askings[CORRECTION_ASKING] / max(askings[VERDICT_ASKING], 1), 1.0)
    return SeenCalls(median(seconds), fmean(tokens) if tokens else None, corrected)


def figures(db: sqlite3.Connection) -> dict[str, Any]:
    """All requests together, and by outcome, judge and metric; tokens and dollars are None where no judge said any.

    A request about several metrics counts under each of them, and what it took is divided evenly between them.
    """
    db.row_factory = sqlite3.Row
    try:
        joined = "from requests left join words on word_id = outcome_id inner join questions using (question_id)"
        total = db.execute(f"select {_FIGURES} {joined}").fetchone()
        judges = db.execute(
            f"select coalesce(name, judge_fingerprint) as judge, {_FIGURES} {joined} "
            "left join judges using (judge_fingerprint) group by 1 order by 1"
        ).fetchall()
        by_question = db.execute(f"select metrics, {_FIGURES} {joined} group by metrics order by metrics").fetchall()
        kept = db.execute(
            "select (select count(*) from replies) as loose, (select count(*) from reply_blocks) as blocks, "
            "(select count(*) from asked) as asked"
        ).fetchone()
    finally:
        db.row_factory = None
    return {
        **dict(total),
        "outcomes": request_counts(db),
        "judges": [dict(row) for row in judges],
        "metrics": _by_metric([dict(row) for row in by_question]),
        "reply_blocks": kept["blocks"],
        "loose_replies": kept["loose"],
    }


def _by_metric(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        asked = [metric for metric, _ in msgspec.json.decode(row.pop("metrics"), type=list[tuple[str, str]])]
        for metric in asked:
            entry = found.setdefault(metric, {"metric": metric} | dict.fromkeys(row))
            for name, value in row.items():
                if value is not None:
                    share = value if name in ("requests", "replies") else value / len(asked)
                    entry[name] = (entry[name] or 0) + share
    for entry in found.values():
        for name in ("prompt_tokens", "reply_tokens", "cached_tokens"):
            entry[name] = None if entry[name] is None else round(entry[name])
    return [found[metric] for metric in sorted(found)]
