"""New rules of redaction are paid for where they change what was said, and nowhere else."""

from __future__ import annotations

import json
import re

from model_server import model_server
from worlds import DELIVERY, REFUND

from metrics_pipeline import pipeline
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import load_settings

CALLER = re.compile(r"caller (\d+)")


def test_new_patterns_ask_again_about_exactly_the_conversations_whose_text_they_change(tmp_path):
    definitions, landing = tmp_path / "definitions", tmp_path / "landing"
    definitions.mkdir()
    landing.mkdir()
    (definitions / "refund_promised.yaml").write_text(REFUND)
    (definitions / "delivery_day.yaml").write_text(DELIVERY)
    for name, numbers in {"here": range(6), "gone": range(6, 12)}.items():
        lines = "\n".join(json.dumps(conversation(number)) for number in numbers)
        (landing / f"{name}.jsonl").write_text(lines)

    with model_server() as server:
        take_in_and_judge(tmp_path, server.base)
        assert asked(server) == set(range(12))
        (landing / "gone.jsonl").unlink()
        take_in_and_judge(tmp_path, server.base)
        assert server.request_count == 12
        server.bodies.clear()

        take_in_and_judge(tmp_path, server.base, {"MEMBER": "HB-[0-9]{6}"})

        assert asked(server) == {0, 4, 8}
        assert server.request_count == 3
        assert all("my number is ⟦MEMBER_1⟧" in said(body) for body in server.bodies)
        server.bodies.clear()
        take_in_and_judge(tmp_path, server.base)
        # The file that is there lands under the old rules again, and those replies are in the ledger; of the one that
        # is gone, what was taken out stays out.
        assert server.request_count == 0


def conversation(number: int) -> dict[str, object]:
    """Of every fourth caller the new pattern finds something said, of every third something that is only data."""
    given = f"HB-{100_000 + number}"
    words = f"my number is {given}" if number % 4 == 0 else "I have no number"
    return {
        "conversation_id": f"c{number}",
        "started_at": f"2026-09-0{1 + number % 3}T10:00:00Z",
        "turns": [{"speaker": "agent", "text": f"Hello, caller {number}."}, {"speaker": "user", "text": words}],
        "note": given if number % 3 == 0 else "none",
    }


def take_in_and_judge(root, base: str, patterns: dict[str, str] | None = None) -> None:
    settings = load_settings(
        {
            "data": root / "data",
            "landing": root / "landing",
            "model": "openai/some-model",
            "api_base": base,
            "redact_patterns": patterns,
        },
        environment={},
        folder=root,
    )
    folder = open_data_folder(settings.data)
    pipeline.take_in(settings, folder)
    pipeline.judge(folder, load_catalog(root / "definitions"), settings)


def said(body: str) -> str:
    return str(json.loads(body)["messages"][1]["content"])


def asked(server) -> set[int]:
    return {int(CALLER.findall(said(body))[0]) for body in server.bodies}
