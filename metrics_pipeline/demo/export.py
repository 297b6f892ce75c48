"""The demo's conversations as export files of a Conversations API v3, with everything that real exports do wrong.

Planted, for the pipeline to find (each a constant here, each countable from the files and the truth):

- from `AUTH_DROP` on the agent asks for a booking number instead of two details, and fewer callers are verified;
- the variant `concise` sells better than `classic`: `ACCEPTS`;
- functions log the opposite of what was said in about `WRONG_LOG_SHARE` of what they log;
- personal data: names, test card numbers, telephone numbers kept for fiction, addresses at example.com;
- `INJECTION_SHARE` of callers speak to the judge;
- `LATE_SHARE` of conversations come in a later day's file, `DUPLICATE_SHARE` stand in two files, and
  `EARLY_SHARE` come first while they are in progress or with their last turns missing;
- some lines of JSONL files are broken: `BROKEN_LINES`;
- `EMPTY_SHARE` of conversations hold no turn, and of `UNDELIVERED_SHARE` the turns were not delivered;
- about one call in seventeen is cut off; `SPANISH_SHARE` are in Spanish.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from metrics_pipeline.demo.scenario import Setting, converse
from metrics_pipeline.demo.truth import NOT_APPLICABLE, Conversation, truth
from metrics_pipeline.files import write_atomically, write_parquet

START, END = date(2026, 9, 1), date(2026, 10, 30)
AUTH_DROP = date(2026, 10, 12)
AUTH_SUCCESS_BEFORE, AUTH_SUCCESS_AFTER = 0.86, 0.5
ACCEPTS = {"classic": 0.6, "concise": 0.82}
WEEKDAY_COUNT, WEEKEND_COUNT = 37, 25
WRONG_LOG_SHARE = 0.04
INJECTION_SHARE = 0.008
LATE_SHARE = 0.03
DUPLICATE_SHARE = 0.015
EARLY_SHARE = 0.02
EMPTY_SHARE = 0.015
UNDELIVERED_SHARE = 0.008
SPANISH_SHARE = 0.06
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
BROKEN_LINES = (
    '{"id": "hh-cut-short", "started_at": "2026-',
    "Gateway Timeout",
    '{"started_at": "2026-09-01T10:00:00Z"}',
)

TRUTH_SCHEMA = pa.schema([("conversation_id", pa.string()), ("metric", pa.string()), ("answer", pa.string())])


class Summary(NamedTuple):
    """What stands in the demo's files."""

    conversation_count: int
    file_count: int
    truth_count: int


class _Made(NamedTuple):
    raw: dict[str, Any]
    day: date
    answers: Mapping[str, str] | None
    """The truth; None where no transcript was delivered."""


def write_demo(landing: Path, truth_file: Path, seed: int = 7) -> Summary:
    """Write the export files into `landing` and the truth beside them. The same seed gives the same bytes."""
    made = list(_conversations(random.Random(seed)))
    files = _files(random.Random(seed + 1), made)
    for name, content in files.items():
        path = landing / name
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
    rows = sorted(
        (one.raw["id"], metric, answer) for one in made if one.answers for metric, answer in one.answers.items()
    )
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    write_parquet(pa.Table.from_arrays(columns, schema=TRUTH_SCHEMA), truth_file)
    return Summary(len(made), len(files), len(rows))


def days() -> list[date]:
    """The demo's sixty days."""
    return [START + timedelta(days=number) for number in range((END - START).days + 1)]


def _conversations(rng: random.Random) -> Iterator[_Made]:
    number = 0
    for day in days():
        usual = WEEKEND_COUNT if day.weekday() >= 5 else WEEKDAY_COUNT
        for _ in range(usual + rng.randrange(-4, 5)):
            number += 1
            yield _conversation(rng, f"hh-{number:05d}", day)


def _conversation(rng: random.Random, conversation_id: str, day: date) -> _Made:
    dropped = day >= AUTH_DROP
    variant = rng.choice(list(ACCEPTS))
    setting = Setting(
        channel="voice" if rng.random() < 0.6 else "chat",
        language="es" if rng.random() < SPANISH_SHARE else "en",
        variant=variant,
        auth_success=AUTH_SUCCESS_AFTER if dropped else AUTH_SUCCESS_BEFORE,
        asks_for_number=dropped,
        accepts_offer=ACCEPTS[variant],
        is_injected=rng.random() < INJECTION_SHARE,
    )
    happened = converse(rng, setting, day)
    started_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        seconds=rng.randrange(7 * 3600, 22 * 3600)
    )
    answers = truth(happened, setting.channel)
    draw = rng.random()
    raw = _raw(rng, conversation_id, started_at, setting, happened)
    if draw < EMPTY_SHARE:
        raw |= {"turns": [], "num_turns": 0, "total_duration": rng.randrange(0, 4), "metrics": {}, "handoff": False}
        answers = dict.fromkeys(answers, NOT_APPLICABLE)
    elif draw < EMPTY_SHARE + UNDELIVERED_SHARE:
        raw["turns"] = []
        return _Made(raw, day, None)
    return _Made(raw, day, answers)


def _raw(
    rng: random.Random, conversation_id: str, started_at: datetime, setting: Setting, happened: Conversation
) -> dict[str, Any]:
    turns, moment = [], started_at
    pending: dict[str, Any] = {}
    for line in happened.lines:
        moment += timedelta(seconds=rng.randrange(2, 14))
        if line.speaker == "user":
            if pending:
                turns.append(pending)
            pending = _turn(user_input=line.text, user_input_datetime=_time(moment))
        else:
            latency = round(rng.uniform(0.4, 2.4), 1)
            answered = {"agent_response": line.text, "agent_response_datetime": _time(moment), "latency": latency}
            turns.append({**(pending or _turn()), **answered})
            pending = {}
    if pending:
        turns.append(pending)
    handed_over = "handed_over" in happened.effects
    state: dict[str, Any] = {"language": setting.language}
    return {
        "id": conversation_id,
        "account_id": "harbour-house",
        "project_id": "front-desk",
        "variant_id": f"variant-{setting.variant}",
        "variant_name": setting.variant,
        "environment": "live",
        "started_at": _time(started_at),
        "channel": "VOICE-SIP" if setting.channel == "voice" else "WEBCHAT",
        "in_progress": False,
        "num_turns": len(turns),
        "total_duration": int((moment - started_at).total_seconds()),
        "handoff": handed_over,
        "handoff_reason": "asked for a person" if handed_over else "",
        "metrics": _logged(rng, happened),
        "state": state,
        "turns": turns,
    }


def _turn(**given: Any) -> dict[str, Any]:
    return {"user_input": "", "user_input_datetime": "", "agent_response": "", "agent_response_datetime": ""} | given


def _logged(rng: random.Random, happened: Conversation) -> dict[str, Any]:
    """What the agent's functions wrote: nearly always what happened."""
    names = {"auth_verified": "verified", "auth_failed": "no_match"}
    auth = [names[effect] for effect in happened.effects if effect in names]
    results = {"room_offered": "available", "no_room": "unavailable", "booked": "confirmed", "booking_failed": "error"}
    booking = [results[effect] for effect in happened.effects if effect in results]
    opposite = {"verified": "no_match", "no_match": "verified", "confirmed": "error", "error": "confirmed"}
    logged: dict[str, Any] = {}
    for name, values in (("auth_result", auth), ("booking_result", booking)):
        if values and rng.random() < WRONG_LOG_SHARE:
            values[-1] = opposite.get(values[-1], values[-1])
        if values:
            logged[name] = values if len(values) > 1 else values[0]
    return logged


def _files(rng: random.Random, made: list[_Made]) -> dict[str, bytes]:
    """File name to content: a day's conversations in a file of its own, but for what comes late, early or twice."""
    by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    last = days()[-1]
    for one in made:
        later = min(one.day + timedelta(days=rng.randrange(1, 7)), last)
        draw = rng.random()
        if draw < LATE_SHARE:
            by_day[later].append(one.raw)
            continue
        by_day[one.day].append(one.raw)
        if draw < LATE_SHARE + DUPLICATE_SHARE:
            by_day[later].append(one.raw)
        elif draw < LATE_SHARE + DUPLICATE_SHARE + EARLY_SHARE and len(one.raw["turns"]) > 2:
            # Written before the finished one of the same day, which the next line of the file, or the next file, holds.
            early = {**one.raw, "turns": one.raw["turns"][:-1], "in_progress": rng.random() < 0.5}
            by_day[one.day].insert(0, early)
    return {
        f"{day.isoformat()}{SUFFIXES[number % len(SUFFIXES)]}": _content(
            by_day[day], SUFFIXES[number % len(SUFFIXES)], number
        )
        for number, day in enumerate(days())
    }


def _content(conversations: list[dict[str, Any]], suffix: str, number: int) -> bytes:
    if ".jsonl" in suffix:
        lines = [json.dumps(raw, ensure_ascii=False) for raw in conversations]
        if number % 5 == 2:
            lines.insert(len(lines) // 2, BROKEN_LINES[number % len(BROKEN_LINES)])
        content = ("\n".join(lines) + "\n").encode()
    else:
        page = {"conversations": conversations, "next_offset": None, "cursor": None}
        content = json.dumps(page, ensure_ascii=False).encode()
    return gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
