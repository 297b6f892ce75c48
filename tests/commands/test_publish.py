"""What would be published can be rehearsed, and what was published before can be read again."""

from __future__ import annotations

import json

from exports import raw, write

from metrics_pipeline.errors import AuditError, PipelineError, PublishError, SettingsError


def test_a_rehearsal_publishes_nothing_and_a_rollback_lets_an_older_generation_be_read(command, tmp_path):
    published = tmp_path / "data" / "published"
    first = json.loads(command("run", "--json").stdout)["generation"]
    write(tmp_path / "data" / "landing" / "b.json", raw(77))
    second = json.loads(command("run", "--json").stdout)["generation"]
    assert (published / "current").resolve().name == second
    begun = json.loads(command("export", "feed", "--to", "a.jsonl", "--json").stdout)

    rehearsed = command("publish", "--dry-run")
    assert rehearsed.exit_code == 0, rehearsed.output
    assert "agrees     conversations, against their files: 11 expected, 11 found" in rehearsed.stdout
    assert rehearsed.stdout.endswith("rehearsed  it would be published; nothing was\n")
    refused = command("publish", "--dry-run", "--json", checks='{"freshness": "block"}')
    assert isinstance(refused.exception, PipelineError)
    found = json.loads(refused.stdout)
    assert found["refused"].startswith("Nothing new is published: The newest conversation began")
    assert (found["generation"], found["rows"]["dim_conversations"]) == (None, {"before": 11, "after": 11})
    assert sorted(path.name for path in (published / "generations").iterdir()) == [first, second]

    back = command("publish", "--rollback", first)
    assert back.exit_code == 0, back.output
    assert "the next `metrics run`, `metrics publish` or night builds from the data folder" in back.stdout
    assert (published / "current").resolve().name == first
    told = json.loads(command("export", "feed", "--to", "b.jsonl", "--since", begun["cursor"], "--json").stdout)
    (change,) = map(json.loads, (tmp_path / "b.jsonl").read_text().splitlines())
    assert (change["change"], change["conversation_id"], told["generation"]) == ("removed", raw(77)["id"], first)

    unknown = command("publish", "--rollback", second[:-1])
    assert isinstance(unknown.exception, SettingsError)
    assert f"is not a generation that is kept. Did you mean {second}" in str(unknown.exception)
    (published / "generations" / second / "trend_metric_daily.parquet").write_bytes(b"")
    damaged = command("publish", "--rollback", second)
    assert isinstance(damaged.exception, PublishError)
    assert "trend_metric_daily.parquet: is not what was published" in str(damaged.exception)
    assert (published / "current").resolve().name == first

    done = json.loads(command("publish", "--json").stdout)
    assert (published / "current").resolve().name == done["generation"] > second
    assert command("export", "feed", "--to", "c.jsonl", "--since", told["cursor"]).exit_code == 0
    (change,) = map(json.loads, (tmp_path / "c.jsonl").read_text().splitlines())
    assert (change["change"], change["conversation_id"]) == ("set", raw(77)["id"])


def test_a_rehearsal_names_the_row_that_a_publish_would_be_refused_for(command, tmp_path):
    command("run")
    current = (tmp_path / "data" / "published" / "current").readlink()
    for table in ("conversations", "verdicts/metric=answer_given"):
        (tmp_path / "data" / table / "day=2026-09-03.parquet").unlink()
    lost = sorted(raw(number)["id"] for number in range(10) if raw(number)["started_at"].startswith("2026-09-03"))

    for arguments in (("publish", "--dry-run"), ("publish",)):
        refused = command(*arguments)
        assert isinstance(refused.exception, AuditError), refused.output
        says = f"conversations, against all that landed: 10 expected, 8 found (in no table: {', '.join(lost)})."
        assert says in str(refused.exception)
        assert (tmp_path / "data" / "published" / "current").readlink() == current
