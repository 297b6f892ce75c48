"""Raw conversations in the shape of a Conversations API v3, and files of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any


def raw(number: int = 1, turn_count: int = 2, **rest: Any) -> dict[str, Any]:
    started_at = f"2026-09-{1 + number % 5:02d}T10:{number % 60:02d}:00.000Z"
    said_at = given if isinstance(given := rest.get("started_at"), str) else started_at
    turns = [
        {
            "user_input": f"question {index} of {number}",
            "user_input_datetime": said_at,
            "agent_response": f"answer {index}",
            "agent_response_datetime": said_at,
            "latency": 0.5,
        }
        for index in range(turn_count)
    ]
    defaults = {
        "id": f"c{number}",
        "account_id": "a",
        "project_id": "p",
        "environment": "live",
        "started_at": started_at,
        "channel": "VOICE-SIP",
        "in_progress": False,
        "num_turns": turn_count,
        "total_duration": 30,
        "metrics": {"result": "ok"},
        "turns": turns,
    }
    return {key: value for key, value in (defaults | rest).items() if value is not ...}


def write(path: Path, *conversations: dict[str, Any] | str) -> Path:
    """A file in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if ".jsonl" in path.name:
        lines = [line if isinstance(line, str) else json.dumps(line) for line in conversations]
        content = "\n".join(lines).encode() + b"\n"
    else:
        content = json.dumps({"conversations": list(conversations), "cursor": None}).encode()
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path
