"""One rich world, built and published once: what the tests of the tables look at."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from landed import land

from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.files import write_parquet
from metrics_pipeline.publishing.generation import Publication, publish
from metrics_pipeline.publishing.warehouse import build_marts
from metrics_pipeline.tables import to_table

NOW = datetime(2026, 11, 1, 3, tzinfo=timezone.utc)
FIRST = date(2026, 9, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(45)]
CROWDED = DAYS[4]
"""The one day that has more values of a dimension, and of a logged name, than stand by themselves."""
LABELS = {"done": "success", "half": "partial", "failed": "failure", "odd": "neutral"}
STATES = ("answered", "answered", "answered", "answered", "not_applicable", "undecided", "error")


def metric(key: str, answers: dict[str, str], **rest: Any) -> dict[str, Any]:
    boolean = set(answers) == {"true", "false"}
    defaults = {
        "metric": key,
        "name": key.title(),
        "type": "boolean" if boolean else "categorical",
        "status": "active",
        "owner": "o@example.com",
        "definition": f"What {key} asks.",
        "tags": ["t"],
        "primary_source": "judged",
        "metric_version": "v2",
        "rate_of": "true" if boolean else "success" if "success" in answers.values() else None,
        "good_direction": "up",
        "rate_floor": 5,
        "answers": [
            {"answer": answer, "outcome": outcome, "position": position}
            for position, (answer, outcome) in enumerate(answers.items())
        ],
    }
    return defaults | rest


METRICS = [
    metric("flag", {"true": "success", "false": "failure"}),
    metric("down", {"true": "failure", "false": "success"}, good_direction="down"),
    metric("plain", {"true": "neutral", "false": "neutral"}, good_direction="none"),
    metric("steps", LABELS),
    metric("reason", {"a": "neutral", "b": "neutral"}, good_direction="none"),
    metric("logged", {"true": "success", "false": "failure"}, primary_source="logged"),
    metric("fresh", {"true": "success", "false": "failure"}),
    metric("draft", {"true": "success", "false": "failure"}, status="draft"),
    metric("retired", {"true": "success", "false": "failure"}, status="retired"),
]
SECOND_OPINIONS = [
    {
        "conversation_id": f"c{number:04d}",
        "conversation_date": FIRST,
        "metric": "flag",
        "metric_version": "v1",
        "because": "share" if number < 8 else "injection_suspect",
        "judge": "model/j1",
        "judge_fingerprint": "j1",
        "state": "answered" if answer else "undecided",
        "answer": answer,
        "judge_role": "second",
        "second_judge": "model/second",
        "second_judge_fingerprint": "s1",
        "second_state": {None: None, "": "undecided"}.get(second, "answered"),
        "second_answer": second or None,
        "second_reason": "an unspeakable reason",
        "second_evidence": [{"turn_index": 0, "quote": "unspeakable words", "tier": "exact"}],
    }
    # Five agree, one does not, one is left undecided, one is open; of two suspicious ones one agrees.
    for number, (answer, second) in enumerate(
        [("true", "true")] * 5 + [("true", "false"), ("true", ""), (None, None), ("true", "true"), ("false", "true")]
    )
]
JUDGED_KEYS = ("flag", "down", "plain", "steps", "reason", "logged", "retired", "gone", "draft")


class World(NamedTuple):
    folder: DataFolder
    publication: Publication
    verdicts: list[dict[str, Any]]
    conversations: dict[str, date]
    in_force: dict[tuple[str, date], tuple[str, str]]

    def rows(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.publication.path / "metrics.duckdb"), read_only=True) as database:
            cursor = database.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def make_world(root: Path, seed: int = 3, days: list[date] = DAYS) -> tuple[DataFolder, list[dict[str, Any]], Any, Any]:
    rng = random.Random(seed)
    folder = open_data_folder(root)
    conversations = [
        _conversation(rng, f"c{number:04d}", day)
        for number, day in enumerate(d for d in days for _ in range(rng.randrange(3, 14) + 40 * (d == CROWDED)))
    ]
    land(folder, conversations)
    by_day: dict[date, list[str]] = {}
    for one in conversations:
        by_day.setdefault(one.conversation_date, []).append(one.conversation_id)
    verdicts: list[dict[str, Any]] = []
    metric_days: list[dict[str, Any]] = []
    in_force: dict[tuple[str, date], tuple[str, str]] = {}
    for key in JUDGED_KEYS:
        answers = next(([a["answer"] for a in m["answers"]] for m in METRICS if m["metric"] == key), ["true", "false"])
        for place, day in enumerate(days):
            settings = _in_use(key, place, day, days)
            for number, (version, judge) in enumerate(settings):
                force = number == len(settings) - 1
                if force:
                    in_force[key, day] = (version, judge)
                metric_days.append(_metric_day(key, day, version, judge, force))
                for one in by_day[day]:
                    if rng.random() < (0.25 if place % 7 == 3 else 0.0):
                        continue
                    verdicts.append(_verdict(rng, one, day, key, answers, version, judge))
                    if number == 0:
                        verdicts.append(_verdict(rng, one, day, key, answers, version, None))
    tables = {"metrics": METRICS, "metric_days": metric_days}
    tables["metric_versions"] = [
        {"metric": key, "metric_version": version, "definition": "x", "first_seen_at": NOW}
        for key in JUDGED_KEYS
        for version in ("v1", "v2")
    ]
    for name, rows in tables.items():
        write_parquet(to_table(name, rows), folder.whole_file(name))
    for number, run in enumerate(run_rows(rng, days)):
        table = to_table("evaluation_runs", run)
        # Runs of an older pipeline may have said less.
        table = table.drop_columns(["prompt_version"]) if number == 0 else table
        write_parquet(table, folder.table("evaluation_runs") / f"run={run[0]['run_id']}.parquet")
    for key in JUDGED_KEYS:
        for day in days:
            rows = [row for row in verdicts if row["metric"] == key and row["conversation_date"] == day]
            write_parquet(to_table("verdicts", rows), folder.verdict_file(key, day))
    write_parquet(to_table("second_opinions", SECOND_OPINIONS), folder.day_file("second_opinions", FIRST))
    assert list(day_marks(folder)) == days
    return folder, verdicts, {one.conversation_id: one.conversation_date for one in conversations}, in_force


def run_rows(rng: random.Random, days: list[date]) -> list[list[dict[str, Any]]]:
    """The rows of some runs, two of them on one day, of two judges and a metric that no judge is asked about."""
    runs = []
    for number in range(8):
        day = days[number // 2]
        calls = {judge: rng.randrange(100, 200) for judge in ("j1", "j2")}
        rows = [_run_row(rng, f"r{number}", day, key, judge, calls) for key in ("flag", "down") for judge in calls]
        runs.append([*rows, _run_row(rng, f"r{number}", day, "logged", "", calls)])
    return runs


def _run_row(rng: random.Random, run_id: str, day: date, key: str, judge: str, calls: dict[str, int]) -> dict[str, Any]:
    asked, again, failed, unsent = (rng.randrange(9), *(rng.randrange(3) for _ in range(3))) if judge else (0, 0, 0, 0)
    is_priced = judge != "j2" or rng.random() < 0.7
    states = {f"{state}_count": rng.randrange(9) for state in ("answered", "not_applicable", "undecided", "error")}
    started_at = datetime(day.year, day.month, day.day, 3, tzinfo=timezone.utc)
    return states | {
        "run_id": run_id,
        "run_date": day,
        "started_at": started_at,
        "ended_at": started_at + timedelta(minutes=5),
        "mode": "new",
        "clients": "openai",
        "run_call_count": sum(calls.values()),
        "run_seconds": 300.0,
        "run_peak_memory_bytes": 10**8,
        "metric": key,
        "metric_version": "v1",
        "judge_fingerprint": judge,
        "judge_kind": "model" if judge else None,
        "judge": f"model/{judge}" if judge else None,
        "planned_count": sum(states.values()) + 2,
        "held_count": rng.randrange(9),
        "unjudged_count": 2,
        "open_count": 0,
        "asked_count": asked,
        "correction_count": again,
        "call_count": asked + again + failed,
        "retry_count": failed,
        "reply_count": asked + again,
        "failure_count": failed + unsent,
        "failures_by_kind": "{}",
        "unsent_count": unsent,
        "prompt_tokens": rng.randrange(9_999) if judge else 0,
        "reply_tokens": rng.randrange(999) if judge else 0,
        "cached_tokens": 0,
        "dollars": Decimal(rng.randrange(10**9)) / 10**12 if is_priced else None,
        "unpriced_count": 0 if is_priced else 1,
        "judge_call_count": calls.get(judge, 0),
    }


def _in_use(key: str, place: int, day: date, days: list[date]) -> list[tuple[str, str]]:
    if key == "retired" and place > 20:
        return []
    if place == 30:
        return [("v1", "j1"), ("v2", "j1")]
    return [("v1", "j1")] if place < 30 else [("v2", "j2" if place > 38 else "j1")]


def _metric_day(key: str, day: date, version: str, judge: str, force: bool) -> dict[str, Any]:
    return {
        "metric": key,
        "conversation_date": day,
        "metric_version": version,
        "judge_fingerprint": judge,
        "judge_kind": "model",
        "judge": f"model/{judge}",
        "in_force": force,
        "is_complete": day.day % 2 == 0,
    }


def _conversation(rng: random.Random, conversation_id: str, day: date) -> Conversation:
    started_at = datetime(day.year, day.month, day.day, rng.randrange(24), tzinfo=timezone.utc)
    values = [LoggedValue("flag", 0, "yes"), LoggedValue("note", 0, "x"), LoggedValue("note", 1, "y'z")]
    values = values if rng.random() < 0.5 else []
    channel = rng.choice(["voice", "chat", None])
    drawn = random.Random(conversation_id)
    wide = 60 if day == CROWDED else 3
    if drawn.random() < 0.8:
        values.append(LoggedValue("order", 0, drawn.choice(4 * [f"order {drawn.randrange(wide)}"] + [""])))
    return Conversation(
        conversation_id=conversation_id,
        conversation_date=day,
        started_at=started_at,
        source="test",
        turns=(Turn(0, "agent", f"unspeakable words of {conversation_id}"),),
        logged_metrics=tuple(values),
        channel=channel,
        carries_logged=True,
        variant=drawn.choice(["A", "B", "", None]),
        language=drawn.choice(["en", "de"]),
        environment="live",
        agent_version=drawn.choice([f"v{drawn.randrange(wide)}", None]),
        handoff=drawn.choice([True, False, None]),
    )


def _verdict(
    rng: random.Random, one: str, day: date, key: str, answers: list[str], version: str, judge: str | None
) -> dict[str, Any]:
    state = rng.choice(STATES)
    details = {"not_applicable": ["gated", None], "undecided": ["evidence_failed", None], "error": ["refused"]}
    judged = judge is not None
    return {
        "conversation_id": one,
        "conversation_date": day,
        "metric": key,
        "metric_version": version,
        "source": "judged" if judged else "logged",
        "judge_role": "first" if judged else None,
        "judge_kind": "model" if judged else None,
        "judge": f"model/{judge}" if judged else None,
        "judge_fingerprint": judge,
        "state": state,
        "answer": rng.choice(answers) if state == "answered" else None,
        "detail": rng.choice(details[state]) if state in details else None,
        "reason": "an unspeakable reason",
        "evidence": [{"turn_index": 0, "quote": "unspeakable words", "tier": "exact"}] if judged else [],
        "injection_suspect": False,
        "gate_unknown": False,
        "judged_at": NOW if judged else None,
    }


def built_world(root: Path, seed: int) -> World:
    folder, verdicts, conversations, in_force = make_world(root, seed)
    build_marts(folder)
    return World(folder, publish(folder, NOW, 3), verdicts, conversations, in_force)
