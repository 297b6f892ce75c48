"""What a server has is in the landing folder once, whatever the server does on the way."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from conversations_server import BROKEN, TOKEN, UNTRUE, conversations_server
from exports import raw
from pydantic import SecretStr

from metrics_pipeline.conversations import conversations_api
from metrics_pipeline.conversations.conversations_api import CallLimits, Source, retry_after_seconds
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.pull_state import read_records, read_state
from metrics_pipeline.conversations.pulling import pull, window
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import PullError, SettingsError

UTC = timezone.utc
NOW = datetime(2026, 9, 6, 3, tzinfo=UTC)
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
QUICK = CallLimits(0.3, 60, 3, 5, first_pause_seconds=0.001)


class Place:
    """A landing folder, a data folder, and a source that is pulled into them."""

    def __init__(self, root: Path) -> None:
        self.landing, self.folder = root / "landing", open_data_folder(root / "data")

    def pull(self, server, *, limits=QUICK, now=NOW, first=FIRST, last=None, token=TOKEN, project="hotel one"):
        source = Source(server.url, "acme", project, SecretStr(token))
        overlap = timedelta(hours=24)
        return pull(source, self.landing, self.folder, limits, overlap, lambda: now, first, last)

    def state(self, server):
        return read_state(self.folder, Source(server.url, "acme", "hotel one", SecretStr("")).fingerprint)

    def conversations(self) -> Counter[str]:
        """How often each conversation stands in the tables, once everything has landed and is merged."""
        land_folder(self.landing, self.folder, ZoneInfo("UTC"))
        merge(self.folder)
        files = self.folder.table("conversations").glob("day=*.parquet")
        return Counter(row for file in files for row in pq.read_table(file)["conversation_id"].to_pylist())


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def ids(count: int) -> Counter[str]:
    return Counter(f"c{number}" for number in range(count))


@pytest.mark.parametrize("offsets", [True, False])
def test_everything_a_server_has_lands_once(place, offsets):
    with conversations_server([raw(number) for number in range(90)], offsets=offsets) as server:
        (record,) = place.pull(server)

    assert place.conversations() == ids(90)
    assert (record.outcome, len(record.files)) == ("complete", 20)
    assert record.request_count == len(server.requests)


def test_a_server_that_tells_its_offsets_is_asked_for_each_page_once(place):
    with conversations_server([raw(number) for number in range(90)], offsets=True) as server:
        place.pull(server)

    asked = Counter((one["start_time"], one.get("cursor")) for one in server.requests)
    assert set(asked.values()) == {1}
    assert not any("offset" in one for one in server.requests)


@pytest.mark.parametrize(
    ("fault", "offsets"),
    [*((fault, True) for fault in (*BROKEN, *UNTRUE)), *((fault, False) for fault in UNTRUE if fault != "early end")],
)
def test_no_single_fault_loses_or_doubles_a_conversation(place, fault, offsets):
    # In a day of four pages the second is where repeats, skips and circles all show.
    with conversations_server([raw(5 * number) for number in range(18)], offsets=offsets, plan={1: fault}) as server:
        place.pull(server, last=FIRST + timedelta(days=1))

    assert place.conversations() == Counter(f"c{5 * number}" for number in range(18))
    assert len(server.requests) > 4


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_of_faults_loses_or_doubles_a_conversation(place, seed):
    rng = random.Random(seed)
    quick = [fault for fault in (*BROKEN, *UNTRUE) if fault not in ("hang", "drip", "429 date")]
    plan = {number: rng.choice(quick) for number in range(60) if rng.random() < 0.25}
    with conversations_server([raw(number) for number in range(70)], offsets=seed % 2 == 0, plan=plan) as server:
        for _ in range(60):
            try:
                place.pull(server)
                break
            except PullError:
                continue

    assert place.conversations() == ids(70)


def test_a_circle_of_cursors_that_never_ends_is_left_and_the_pages_are_had_by_offset(place):
    with conversations_server([raw(5 * number) for number in range(20)]) as server:
        server.always = "loop"
        place.pull(server, last=FIRST + timedelta(days=1))

    assert sum(place.conversations().values()) == 20
    assert len(server.requests) < 30


def test_a_server_that_only_runs_in_circles_ends_in_a_sentence_and_the_day_stays_to_be_pulled(place):
    with conversations_server([raw(5 * number) for number in range(20)]) as server:
        server.always, server.takes_offset = "loop", False
        with pytest.raises(PullError, match="of 2026-09-01 each of 6 times, or its cursors run in a circle"):
            place.pull(server)
        opened = place.state(server).open
        assert opened is not None
        assert opened.day_start == FIRST
        server.always, server.takes_offset = "", True

        records = place.pull(server)

    assert place.conversations() == Counter(f"c{5 * number}" for number in range(20))
    assert [record.outcome for record in read_records(place.folder)] == ["incomplete", "complete"]
    assert [record.outcome for record in records] == ["complete"]


def test_the_next_pull_begins_before_the_last_ended_and_a_late_conversation_counts_once(place):
    with conversations_server([raw(number) for number in range(20)], offsets=True) as server:
        place.pull(server)
        late = raw(99, started_at="2026-09-05T23:00:00.000Z")
        server.conversations.append(late)
        server.requests.clear()

        (record,) = place.pull(server, first=None, now=NOW + timedelta(days=1))

    assert record.first == NOW - timedelta(hours=24)
    assert min(one["start_time"] for one in server.requests) == "2026-09-05T03:00:00.000Z"
    assert place.conversations() == ids(20) + Counter(["c99"])


def test_a_conversation_in_progress_is_waited_for_beyond_the_overlap_but_not_for_ever(place):
    with conversations_server([raw(1, in_progress=True), raw(3)], offsets=True) as server:
        place.pull(server)
        assert not place.conversations()["c1"]
        server.conversations[0] = raw(1)
        place.pull(server, first=None, now=NOW + timedelta(days=1))

        assert place.conversations() == Counter(["c1", "c3"])
        state = place.state(server)
    assert state.waiting_since is None
    month_old = type(state)(NOW, NOW - timedelta(days=30), None)
    assert window(month_old, timedelta(hours=1), NOW + timedelta(days=1)).start == NOW - timedelta(days=7)


def test_days_that_were_never_asked_for_are_pulled_by_the_next(place):
    with conversations_server([raw(number) for number in range(50)], offsets=True) as server:
        place.pull(server, last=FIRST + timedelta(days=1))
        place.pull(server, first=FIRST + timedelta(days=3))
        assert sum(place.conversations().values()) == 30

        place.pull(server, first=None)

    assert place.conversations() == ids(50)


def test_the_first_pull_must_be_told_where_to_begin(place):
    with conversations_server([]) as server, pytest.raises(SettingsError, match="Nothing has been pulled yet"):
        place.pull(server, first=None)


@pytest.mark.parametrize(
    ("fault", "rest", "says"),
    [
        ("", {"token": "the-wrong-token"}, "refuses the token (HTTP 401). Correct METRICS_PULL_TOKEN"),
        ("", {"project": "else"}, "is not there (HTTP 404)"),
        ("302", {}, "sends us elsewhere (HTTP 302), where the token must not go"),
        ("418", {}, "refuses the request (HTTP 418)"),
        ("500", {}, "the same request failed 4 times, the last with: HTTP 500"),
        ("429", {}, "the same request failed 10 times, the last with: HTTP 429"),
        ("429 long", {}, "asks to wait 86400 s before the next request"),
        ("html", {}, "a reply that is no page of conversations"),
        ("drip", {"limits": QUICK._replace(retries=0)}, "no complete reply within 0 s"),
        (
            "500",
            {"limits": QUICK._replace(run_timeout_seconds=0.1, retries=10, first_pause_seconds=0.2)},
            "time of 0 s",
        ),
        ("bomb", {}, "a page is larger than 1 MiB"),
    ],
)
def test_what_cannot_be_had_ends_in_a_sentence_without_the_token(place, monkeypatch, caplog, fault, rest, says):
    monkeypatch.setattr(conversations_api, "MAX_REPLY_BYTES", 1 << 20)
    caplog.set_level(logging.DEBUG)
    with conversations_server([raw(number) for number in range(20)]) as server:
        server.always = fault
        with pytest.raises(PullError) as error:
            place.pull(server, **rest)

    assert says in str(error.value)
    written = [path.read_text() for path in place.folder.root.rglob("*.json")]
    assert not any(
        token in text for token in (TOKEN, "the-wrong-token") for text in [str(error.value), caplog.text, *written]
    )
    assert [record.outcome for record in read_records(place.folder)] == ["incomplete"]


@pytest.mark.parametrize("cursor", ["x" * (1 << 17), "\ud800"])
def test_a_cursor_that_cannot_be_sent_is_done_without(place, cursor):
    with conversations_server([raw(5 * number) for number in range(18)], plan={1: "cursor"}) as server:
        server.strange_cursor = cursor
        place.pull(server, last=FIRST + timedelta(days=1))

    assert sum(place.conversations().values()) == 18


def test_after_a_pull_by_a_clock_that_was_a_year_ahead_a_day_must_be_named_and_nothing_is_left_out(place):
    with conversations_server([raw(number) for number in range(20)], offsets=True) as server:
        place.pull(server, first=NOW, now=NOW + timedelta(days=365))
        with pytest.raises(
            SettingsError, match="ended at 2027-09-06 03:00 UTC, and by this machine's clock it is 2026"
        ):
            place.pull(server, first=None)

        place.pull(server)

        assert place.state(server).end == NOW
    assert place.conversations() == ids(20)


def test_a_cursor_that_the_server_no_longer_knows_starts_its_day_anew(place):
    with conversations_server([raw(number) for number in range(60)], plan={2: "418"}) as server:
        with pytest.raises(PullError):
            place.pull(server)
        path = next(place.folder.pulls.glob("*.json"))
        state = json.loads(path.read_text())
        state["open"]["cursor"] = "forgotten"
        path.write_text(json.dumps(state))

        place.pull(server)

    assert place.conversations() == ids(60)


def test_one_item_that_only_a_lenient_reader_takes_holds_up_no_other(place):
    odd = raw(5, total_duration=float("nan"), environment="\ud800")
    with conversations_server([raw(number) for number in range(0, 30, 5) if number != 5] + [odd]) as server:
        place.pull(server, last=FIRST + timedelta(days=1))

    assert place.conversations() == Counter(f"c{number}" for number in range(0, 30, 5) if number != 5)


def test_pages_are_readable_by_their_owner_only(place):
    with conversations_server([raw(1)]) as server:
        place.pull(server)

    assert {path.stat().st_mode & 0o777 for path in place.landing.rglob("*.json")} == {0o600}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("-3", 0.0),
        ("Sun, 06 Sep 2026 03:00:09 GMT", 9.0),
        ("Sun, 06 Sep 2026 02:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("1e999", None),
        (None, None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_or_nothing(text, seconds):
    assert retry_after_seconds(text, NOW) == seconds


PULL = """
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from pydantic import SecretStr
from metrics_pipeline.conversations.conversations_api import CallLimits, Source
from metrics_pipeline.conversations.pulling import pull
from metrics_pipeline.data_folder import open_data_folder
url, root, token = sys.argv[1:]
now = datetime(2026, 9, 6, 3, tzinfo=timezone.utc)
source = Source(url, "acme", "hotel one", SecretStr(token))
pull(source, Path(root) / "landing", open_data_folder(Path(root) / "data"), CallLimits(5, 60, 3, 5),
     timedelta(hours=1), lambda: now, now - timedelta(days=5, hours=3))
"""


@pytest.mark.parametrize("offsets", [True, False])
def test_killed_between_requests_again_and_again_it_goes_on_and_loses_and_doubles_nothing(tmp_path, offsets):
    place = Place(tmp_path)
    with conversations_server([raw(number) for number in range(60)], offsets=offsets) as server:
        # Each process is killed at its own request, the next always a little later.
        attempts = 0
        while attempts < 30:
            attempts += 1
            process: list[subprocess.Popen[bytes]] = []
            begun, moment = len(server.requests), (3 * attempts) % 8

            def kill(number: int, process=process, begun=begun, moment=moment) -> None:
                if number - begun == moment:
                    os.kill(process[0].pid, signal.SIGKILL)

            server.on_request = kill
            process.append(subprocess.Popen([sys.executable, "-c", PULL, server.url, str(tmp_path), TOKEN]))
            if process[0].wait() == 0:
                break
            assert process[0].returncode == -signal.SIGKILL
        assert 3 < attempts < 30

    assert place.conversations() == ids(60)
    # What was kept was not asked for again: at most one request of each process was for nothing.
    if offsets:
        assert len(server.requests) <= 15 + 2 * attempts
