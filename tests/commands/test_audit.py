"""Checks warn after a run, keep what is published where they block, and can be asked for at any time."""

from __future__ import annotations

import json
import re

from exports import raw, write

from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.errors import BlockedError, PipelineError, PublishError
from metrics_pipeline.health.kept_findings import last_findings
from metrics_pipeline.pipeline import take_in
from metrics_pipeline.settings import load_settings


def test_a_check_warns_after_a_run_and_keeps_what_is_published_where_it_blocks(command, tmp_path):
    assert isinstance(command("audit").exception, PublishError)

    first = command("run")
    assert first.exit_code == 0, first.output
    assert "warning    The newest conversation began 2026-09-05 10:09 UTC, " in first.stdout
    assert "warn: The newest conversation began 2026-09-05 10:09 UTC, " in command("status").stdout
    current = (tmp_path / "data" / "published" / "current").readlink()

    (tmp_path / "metrics.toml").write_text('[checks]\nfreshness = "block"\n')
    blocked = command("run")
    assert isinstance(blocked.exception, BlockedError)
    assert blocked.exception.exit_code == 1
    assert str(blocked.exception).startswith("Nothing new is published: The newest conversation began 2026-09-05")
    assert 'set freshness to "warn" among `checks` in metrics.toml' in str(blocked.exception)
    assert (tmp_path / "data" / "published" / "current").readlink() == current
    looked = command("status", "--json")
    assert (looked.exit_code, "began 2026-09-05" in str(json.loads(looked.stdout)["wrong"])) == (1, True)

    kept = last_findings(DataFolder(tmp_path / "data"))
    assert kept is not None
    assert [(one.check, one.severity) for one in kept.findings] == [("freshness", "block")]

    audited = command("audit", "--json")
    assert isinstance(audited.exception, PipelineError)
    (finding,) = json.loads(audited.stdout)["findings"]
    assert (finding["check"], finding["severity"], finding["metric"], finding["day"]) == (
        *("freshness", "block"),
        *(None, None),
    )
    assert command("audit", check_limits='{"freshness": 8784}', checks="{}").exit_code == 0
    quiet = command("audit", checks='{"freshness": "off"}')
    assert quiet.exit_code == 0
    first, *agree, last = quiet.stdout.splitlines()
    assert re.fullmatch(r"whole      \d+ files, each as its hash in the manifest says", first)
    assert agree[0] == "agrees     conversations, against their files: 10"
    assert (len(agree), last) == (6, f"audited    {current.name}: 0 findings")


def test_an_audit_names_a_file_that_is_not_what_was_published_and_counts_that_were_outgrown(command, tmp_path):
    command("run")
    listed = command("show", "answer_given", "--failures", "2026-09-03")
    assert "false" in listed.stdout or "no failure" in listed.stdout, listed.output
    write(tmp_path / "data" / "landing" / "b.json", raw(77))
    settings = load_settings()
    take_in(settings, open_data_folder(settings.data))
    outgrown = command("audit")
    assert outgrown.exit_code == 0
    assert "outgrown   conversations, against their files: 11 expected, 10 found (" in outgrown.stdout
    generation = (tmp_path / "data" / "published" / "current").resolve()
    (generation / "fct_verdicts.parquet").write_bytes(b"")

    audited = command("audit")

    assert isinstance(audited.exception, PipelineError)
    assert "fct_verdicts.parquet: is not what was published. `metrics run` publishes anew." in audited.stdout
