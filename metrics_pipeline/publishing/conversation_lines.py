"""A conversation in the shape of a Conversations API v3, with the `metrics` field filled.

Strict: what is written has the types that the interface description gives it, and is left out where it is not known.
Besides, a line says the language and the agent's version, and in `metric_states` why a metric has no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

FROM_ATTRIBUTES: dict[str, type] = {
    "account_id": str,
    "project_id": str,
    "variant_id": str,
    "polyai_duration": int,
    "handoff_reason": str,
    "handoff_destination": str,
    "num_silences": int,
    "num_ood": int,
}
"""Fields of v3 that are kept as they came, with their type."""
CHANNELS = {"voice": "VOICE-SIP", "chat": "WEBCHAT"}


def conversation_line(row: Mapping[str, Any], account: str, project: str) -> dict[str, Any]:
    """One conversation of a list response.

    Args:
        row: Of `exports.exported`, with what the source said; with `turns` where they are wanted.
        account: What it says where the source named none, like `project`.
    """
    attributes = msgspec.json.decode(row["attributes"] or "{}")
    kept = {name: attributes[name] for name, kind in FROM_ATTRIBUTES.items() if type(attributes.get(name)) is kind}
    source_channel = attributes.get("source_channel")
    channel = source_channel if isinstance(source_channel, str) else CHANNELS.get(row["channel"], row["channel"] or "")
    turns = list(exchanges(row["turns"] or ())) if "turns" in row else None
    duration = row["duration_seconds"]
    fields = {
        "id": row["conversation_id"],
        "account_id": account,
        "project_id": project,
        **kept,
        "variant_name": row["variant"],
        "environment": row["environment"] or "",
        "started_at": moment(row["started_at"]),
        "channel": channel,
        "in_progress": False,
        "num_turns": row["reported_turn_count"] if turns is None else len(turns),
        "total_duration": None if duration is None else round(duration),
        "handoff": row["handoff"],
        "language": row["language"],
        "agent_version": row["agent_version"],
        "metrics": {name: _value(values) for name, values in row["metrics"]},
        "metric_states": dict(row["metric_states"]),
        "turns": turns,
    }
    return {name: value for name, value in fields.items() if value is not None}


def exchanges(turns: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    """What the user said with what the agent answered, as v3 pairs them; calls of functions have no place in it."""
    pair: dict[str, str] = {}
    for turn in turns:
        if turn["speaker"] == "function":
            continue
        said = "user_input" if turn["speaker"] == "user" else "agent_response"
        if said == "user_input" or said in pair:
            if pair:
                yield pair
            pair = {}
        pair[said] = turn["text"] or ""
        if turn["said_at"] is not None:
            pair[f"{said}_datetime"] = moment(turn["said_at"])
    if pair:
        yield pair


def moment(at: datetime) -> str:
    """As v3 writes it, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _value(values: list[str | None]) -> str | list[str]:
    """A text, and several as a list: no list has one item."""
    texts = [value or "" for value in values]
    return texts[0] if len(texts) == 1 else texts
