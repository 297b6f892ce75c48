"""A recorded run is replayed without anybody being asked, says the same, and never passes for the model."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from model_server import model_server
from worlds import DAY, DELIVERY, REFUND, FakeJudge, agreeable, conversation, says

from metrics_pipeline import pipeline
from metrics_pipeline.errors import JudgeBusyError, JudgeRefusedError, SettingsError
from metrics_pipeline.evaluation.judges import recorded
from metrics_pipeline.evaluation.options import Judges
from metrics_pipeline.evaluation.recording_file import FORMAT, Entry, Header, Recording, RecordingWriter
from metrics_pipeline.evaluation.replay_judge import ReplayJudge
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings

OF_THE_JUDGE = {"judge_kind", "judge", "judge_fingerprint", "judged_at", "reply_id"}


@pytest.fixture
def recording(tmp_path):
    return tmp_path / "kept" / "run.recording"


@pytest.fixture
def shop(new_world):
    """Makes a shop of its own: two metrics, and conversations of those numbers."""
    return lambda name, *numbers: _filled(new_world(name), numbers or (1, 2, 3))


def _filled(world, numbers):
    world.define("refund_promised", REFUND)
    world.define("delivery_day", DELIVERY)
    world.land(*(conversation(number) for number in numbers))
    return world


def _record(world, script, recording, **settings):
    """Run with a judge of that script, in a recording."""
    judge = FakeJudge(script)
    judges = Judges(judge, lambda record: judge)
    kept = recorded(judges, Settings(record=recording, **settings)).current
    world.run(kept)
    return judge


def _said(world):
    return [{key: row[key] for key in row if key not in OF_THE_JUDGE} for row in world.verdicts()]


def _moody(request):
    """Says true of the first shop, needs a correction for the second, is refused for the third."""
    text, prompts = request.turns[0].text, len(request.messages)
    if "number 3" in text:
        return JudgeRefusedError("no", kind="bad_request")
    if "number 2" in text and prompts == 2:
        return {asked.key: says(asked.answers[0], "never said") for asked in request.metrics}
    return agreeable(request)


def test_a_replay_says_in_another_folder_what_the_judge_said_and_is_marked_as_one(shop, recording):
    first, second, third = (shop(name) for name in ("first", "second", "third"))
    _record(first, _moody, recording)

    report = second.run(ReplayJudge(Recording(recording)))
    third.run(ReplayJudge(Recording(recording)))

    assert _said(second) == _said(first)
    assert {row["detail"] for row in second.verdicts()} == {None, "provider_error"}
    assert {row["judge_kind"] for row in second.verdicts()} == {"replay"}
    assert {row["judge"] for row in second.verdicts()} == {"replay of fake/judge"}
    assert not {row["judge_fingerprint"] for row in first.verdicts()} & {
        row["judge_fingerprint"] for row in second.verdicts()
    }
    assert (report.tally.prompt_tokens, report.tally.cost_dollars) == (0, None)
    assert third.bytes() == second.bytes()


def test_what_a_recording_lacks_is_an_error_of_that_cell_and_is_said_once(shop, recording):
    _record(shop("first", 1, 2), agreeable, recording)
    world, replay = shop("second", *range(1, 41)), ReplayJudge(Recording(recording))

    report = world.run(replay)

    answers = world.answers("refund_promised")
    assert [answers["c1"], answers["c2"]] == ["true", "true"]
    assert {answers[f"c{number}"] for number in range(3, 41)} == {("error", "not_recorded")}
    assert report.stopped is None
    assert "38 requests to fake/judge stand in no line of the recording" in replay.lacks


def test_a_recording_is_its_owners_alone_and_holds_transcripts_only_where_they_are_asked_for(shop, recording):
    quiet = {asked: says("true") for asked in ("refund_promised", "delivery_day")}
    _record(shop("first"), lambda request: quiet, recording)
    whole = recording.with_name("whole")
    _record(shop("second"), lambda request: quiet, whole, record_transcripts=True)

    assert recording.stat().st_mode & 0o777 == whole.stat().st_mode & 0o777 == 0o600
    assert "Where is my money?" not in recording.read_text()
    assert "Where is my money?" in whole.read_text()
    assert [json.loads(line)["key"] for line in sorted(recording.read_text().splitlines()[1:])] == [
        json.loads(line)["key"] for line in sorted(whole.read_text().splitlines()[1:])
    ]


def test_a_failure_that_was_tried_again_is_not_recorded_in_place_of_the_reply(shop, recording):
    tries = []

    def busy_at_first(request):
        tries.append(request)
        return JudgeBusyError("busy", kind="server_error") if len(tries) < 3 else agreeable(request)

    _record(shop("first", 1), busy_at_first, recording)
    world = shop("second", 1)
    world.run(ReplayJudge(Recording(recording)))

    assert world.answers("refund_promised") == {"c1": "true"}


def test_a_recording_that_was_cut_goes_on_and_one_that_has_grown_is_another_judge(shop, recording):
    world = shop("first", 1)
    _record(world, agreeable, recording)
    before = ReplayJudge(Recording(recording)).settings
    with recording.open("ab") as file:
        file.write(b'{"key": "cut in the mid')
    world.land(conversation(2))
    _record(world, agreeable, recording)

    assert len(recording.read_bytes().splitlines()) == 3
    assert ReplayJudge(Recording(recording)).settings != before
    second = shop("second", 1, 2)
    second.run(ReplayJudge(Recording(recording)))
    assert second.answers("refund_promised") == {"c1": "true", "c2": "true"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "the recording cannot be read"),
        (b"", "is no recording"),
        (b"hello\n", "is no recording"),
        (b'{"format":"metrics-recording/9","judge":"x","kind":"model","prompt_version":"y"}\n', "is no recording"),
        (
            b'{"format":"metrics-recording/1","judge":"x","kind":"model","prompt_version":"y"}\n{"key":1}\n',
            ":2: is no line of a recording",
        ),
    ],
)
def test_a_file_that_is_no_recording_is_wrong_usage_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "a"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match=says):
        Recording(path)


def test_nothing_is_recorded_over_something_else(tmp_path):
    path, header = tmp_path / "a", Header(FORMAT, "fake/judge", "model", "p")
    path.write_text("my notes\n")
    with pytest.raises(SettingsError, match="is no recording"):
        RecordingWriter(path, header)
    assert path.read_text() == "my notes\n"

    path.unlink()
    RecordingWriter(path, header).add(Entry("k", "fake/judge"))
    with pytest.raises(SettingsError, match="of another judge or prompt"):
        RecordingWriter(path, Header(FORMAT, "other", "model", "p"))
    with pytest.raises(SettingsError, match="nothing can be recorded there"):
        RecordingWriter(tmp_path, header)


def test_a_model_is_recorded_and_replayed_by_the_settings_alone(shop, recording):
    first = shop("first")
    first.define("by_another", REFUND.replace("Refund: promised", "Refund: by another") + "model: openai/other\n")
    catalog = load_catalog(first.definitions)
    second = shop("second")
    with model_server() as server:
        settings = Settings(model="openai/x", api_base=server.base, record=recording)
        pipeline.judge(first.folder, catalog, settings)
        sent, before = server.request_count, _said(first)
        replayed = pipeline.judge(second.folder, catalog, Settings(model=f"replay:{recording}", api_base=server.base))
        # A day that the model judged before, with a conversation that came late and another day's.
        first.land(conversation(4), conversation(5, day=DAY + timedelta(days=1)))
        pipeline.judge(first.folder, catalog, Settings(model=f"replay:{recording}", api_base=server.base))
        assert server.request_count == sent == 6

    assert _said(second) == before
    assert {row["judge"] for row in second.verdicts()} == {"replay of openai/x", "replay of openai/other"}
    assert replayed.notes == ("Nobody was asked: these are replies of a recording (replay of openai/x).",)
    with pytest.raises(SettingsError, match="A replay is not recorded again"):
        pipeline.judge(second.folder, catalog, Settings(model=f"replay:{recording}", record=recording))
