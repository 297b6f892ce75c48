"""Export files land once, whole, and everything in them is accounted for."""

from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write
from hypothesis import given, settings
from hypothesis import strategies as st
from read_only import unreadable

from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.receipts import receipts
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.errors import DataFolderError, LandingError, SettingsError

UTC = ZoneInfo("UTC")


class Place:
    def __init__(self, root: Path) -> None:
        self.landing = root / "landing"
        self.landing.mkdir(parents=True)
        self.folder: DataFolder = open_data_folder(root / "data")

    def land(self):
        return land_folder(self.landing, self.folder, UTC)

    def ids(self) -> list[str]:
        shards = self.folder.landed.glob("*/day=*.parquet")
        return sorted(row for shard in shards for row in pq.read_table(shard)["conversation_id"].to_pylist())

    def quarantined(self) -> list[dict[str, str]]:
        files = sorted(self.folder.quarantine.glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.jsonl", "a.jsonl.gz", "deep/er/A.JSON", "a.json/b.json"])
def test_every_format_lands(place, name):
    write(place.landing / name, raw(1), raw(2))

    report = place.land()

    assert place.ids() == ["c1", "c2"]
    assert (report.read_count, report.kept_count, report.file_count) == (2, 2, 1)


def test_a_folder_that_nobody_may_open_is_named_and_not_taken_for_an_empty_one(place):
    write(place.landing / "open.json", raw(1))
    write(place.landing / "shut" / "a.json", raw(2))
    with unreadable(place.landing / "shut"), pytest.raises(DataFolderError, match=r"shut: .*Permission denied"):
        place.land()

    place.land()

    assert place.ids() == ["c1", "c2"]


def test_a_page_a_list_and_a_single_conversation_are_all_read(place):
    (place.landing / "list.json").write_text(json.dumps([raw(1)]))
    (place.landing / "one.json").write_text("\ufeff" + json.dumps(raw(2), indent=1))
    (place.landing / "pages.jsonl").write_text(json.dumps({"conversations": [raw(3), raw(4)]}) + "\n\n")

    place.land()

    assert place.ids() == ["c1", "c2", "c3", "c4"]


def test_a_file_lands_once_whatever_it_is_called(place):
    write(place.landing / "a.jsonl", raw(1))
    place.land()
    write(place.landing / "b.jsonl", raw(1))

    report = place.land()

    assert (report.file_count, report.skipped_count) == (0, 2)
    assert len(receipts(place.folder)) == 1


def test_a_file_that_grew_is_another_file(place):
    write(place.landing / "a.jsonl", raw(1))
    place.land()
    write(place.landing / "a.jsonl", raw(1), raw(2))

    assert place.land().kept_count == 2


def test_each_place_in_a_file_is_kept_duplicate_waiting_or_quarantined(place):
    lines = [raw(1), raw(1), raw(2, in_progress=True), "not json", raw(3, id=...), raw(4), '{"id": "cut", "sta']
    write(place.landing / "a.jsonl", *lines)

    (receipt,) = place.land().receipts

    assert receipt.read_count == 7
    assert (receipt.kept_count, receipt.duplicate_count, receipt.waiting_count) == (2, 1, 1)
    assert receipt.quarantined_count == 3
    assert [row["position"] for row in place.quarantined()] == ["line 4", "line 5", "line 7"]
    assert {row["file"] for row in place.quarantined()} == {"a.jsonl"}
    table = pq.read_table(place.folder.whole_file("ingest_files")).to_pylist()
    assert [(row["file"], row["read_count"], row["quarantined_count"]) for row in table] == [("a.jsonl", 7, 3)]


def test_one_id_with_two_contents_is_no_duplicate(place):
    write(place.landing / "a.json", raw(1, 2), raw(1, 3))

    assert place.land().kept_count == 2


def test_a_page_that_breaks_off_keeps_what_came_whole(place):
    content = json.dumps({"conversations": [raw(1), raw(2), raw(3)]})
    (place.landing / "a.json").write_text(content[: content.index('"id": "c3"') + 40])

    (receipt,) = place.land().receipts

    assert place.ids() == ["c1", "c2"]
    assert (receipt.read_count, receipt.kept_count, receipt.quarantined_count) == (3, 2, 1)
    assert place.quarantined()[0]["position"] == "/conversations/2"
    assert "from byte" in place.quarantined()[0]["reason"]


HALF_A_CHARACTER = json.dumps(raw(2)).replace("question 0 of 2", "\\ud83d")
NESTED = json.dumps(raw(2)).replace('"VOICE-SIP"', "[" * 1_200 + "]" * 1_200)
TRICKY = json.dumps(raw(1, environment='a "]}, [{" \\'))


@pytest.mark.parametrize(
    "shape", ['{"conversations": [%s], "cursor": {"next": []}}', '{"count": [1], "conversations" : [%s]}', "[%s]\n"]
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (HALF_A_CHARACTER, "not readable as JSON: text that is not valid Unicode (half of a surrogate pair)"),
        (NESTED, "not readable as JSON: nested too deep"),
        ('{"id": "c2", "x": tru}', "not readable as JSON: invalid character (byte"),
        ("", "not readable as JSON: Input data was truncated"),
    ],
    ids=["half a character", "nested", "no JSON", "nothing"],
)
def test_one_bad_item_takes_no_other_with_it_and_its_reason_is_true(place, shape, name, item, reason):
    (place.landing / name).write_text(shape % ", ".join([TRICKY, item, json.dumps(raw(3))]))

    (receipt,) = place.land().receipts

    assert place.ids() == ["c1", "c3"]
    assert (receipt.read_count, receipt.kept_count, receipt.quarantined_count) == (3, 2, 1)
    (row,) = place.quarantined()
    assert row["position"].endswith("/1")
    assert row["reason"].startswith(reason)


@pytest.mark.parametrize("rest", ["}", "", '{"conversations": []}', ', "cursor": {}} x', ', "cursor": {"a": "'])
def test_what_follows_the_list_of_a_page_and_does_not_belong_there_is_named_once(place, rest):
    content = f'{{"conversations": [{json.dumps(raw(1))}, {HALF_A_CHARACTER}]{rest}'
    (place.landing / "a.json").write_text(content)

    place.land()

    reasons = [row["reason"] for row in place.quarantined()]
    assert place.ids() == ["c1"]
    assert len([reason for reason in reasons if "the file breaks off or is not JSON from byte" in reason]) == (
        rest != "}"
    )
    assert len(reasons) == 1 + (rest != "}")


def test_a_comma_too_many_or_too_few_costs_nothing(place):
    content = "[" + json.dumps(raw(1)) + json.dumps(raw(2)) + "," + json.dumps(raw(3)) + ",]"
    (place.landing / "a.json").write_text(content)

    (receipt,) = place.land().receipts

    assert place.ids() == ["c1", "c2", "c3"]
    assert receipt.read_count == 3


def test_cutting_takes_time_that_grows_with_the_file_and_not_with_its_square(place):
    item = json.dumps(raw(1, environment='\\" [' * 100_000))
    (place.landing / "a.json").write_text("[" + ",".join([item] * 20) + ',"\\ud83d",' + "[{" * 500_000)
    started = time.process_time()

    (receipt,) = place.land().receipts

    assert time.process_time() - started < 10
    assert (receipt.read_count, receipt.kept_count, receipt.duplicate_count, receipt.quarantined_count) == (
        22,
        1,
        19,
        2,
    )


def test_a_gzip_that_breaks_off_keeps_the_lines_before(place):
    content = gzip.compress("\n".join(json.dumps(raw(number)) for number in range(400)).encode())
    (place.landing / "a.jsonl.gz").write_bytes(content[: len(content) // 2])

    (receipt,) = place.land().receipts

    assert receipt.quarantined_count == 1
    assert 0 < receipt.kept_count < 400
    assert "gzip" in place.quarantined()[0]["reason"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   \n",
        b"<html><body>502 Bad Gateway [1]</body></html>",
        b"\x1f\x8b broken",
        b"\x00\x00\x00",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"conversations": 5}',
        b'{"error": "no access"}',
        b'{"conversations": [',
        json.dumps(raw(1)).encode().replace(b"question 0 of 1", b"\xed\xa0\x80"),
        json.dumps(raw(1)).encode().replace(b"question 0 of 1", b"\\ud800"),
    ],
)
def test_a_file_that_is_no_export_is_quarantined_and_the_others_land(place, content):
    (place.landing / "bad.json").write_bytes(content)
    write(place.landing / "good.json", raw(1))

    report = place.land()

    assert place.ids() == ["c1"]
    assert report.quarantined_count == 1
    assert report.read_count == 2
    assert place.quarantined()[0]["reason"]


@pytest.mark.parametrize("taken", ["receipt.json", "day=*.parquet"])
def test_a_landed_file_that_lost_a_part_lands_anew(place, taken):
    write(place.landing / "a.json", raw(1), raw(2))
    place.land()
    next(place.folder.landed.glob(f"*/{taken}")).unlink()

    report = place.land()

    assert (report.file_count, report.skipped_count) == (1, 0)
    assert place.ids() == ["c1", "c2"]


@pytest.mark.parametrize("damage", [b"", b"garbage", b"PAR1 and then nothing"])
@pytest.mark.parametrize("damaged", ["receipt.json", "day=*.parquet"])
def test_a_landed_file_of_which_a_part_is_damaged_lands_anew(place, damaged, damage):
    write(place.landing / "a.json", raw(1), raw(2))
    place.land()
    next(place.folder.landed.glob(f"*/{damaged}")).write_bytes(damage)

    report = place.land()

    assert (report.file_count, report.skipped_count) == (1, 0)
    assert place.ids() == ["c1", "c2"]
    assert [receipt.kept_count for receipt in receipts(place.folder)] == [2]


def test_a_damaged_receipt_of_a_file_that_is_gone_is_named_in_a_sentence(place):
    path = write(place.landing / "a.json", raw(1))
    place.land()
    path.unlink()
    write(place.landing / "b.json", raw(2))
    next(place.folder.landed.glob("*/receipt.json")).write_bytes(b"")

    with pytest.raises(DataFolderError, match=r"receipt.json: is damaged.*Put the export file"):
        place.land()


def test_a_link_to_nowhere_is_quarantined(place):
    (place.landing / "gone.json").symlink_to(place.landing / "nowhere.json")
    write(place.landing / "good.json", raw(1))

    assert place.land().quarantined_count == 1
    assert place.ids() == ["c1"]


def test_another_time_zone_is_refused_once_days_have_been_cut(place):
    write(place.landing / "a.json", raw(1))
    place.land()

    with pytest.raises(SettingsError, match="cut in the time zone UTC, and METRICS_TIMEZONE says Asia/Tokyo"):
        land_folder(place.landing, place.folder, ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe"])
def test_a_damaged_marker_of_the_data_folder_says_what_to_write_into_it(place, damage):
    write(place.landing / "a.json", raw(1))
    place.land()
    (place.folder.landed / "timezone").write_bytes(damage)
    (place.folder.root / "format").write_bytes(damage)

    with pytest.raises(SettingsError, match=r"timezone: is damaged. Write the time zone .* into it"):
        place.land()
    with pytest.raises(DataFolderError, match=r"format: is damaged. Write 2 into it"):
        open_data_folder(place.folder.root)


def test_files_of_other_kinds_are_named_and_left_alone(place):
    write(place.landing / "a.json", raw(1))
    (place.landing / "notes.txt").write_text("hello")

    assert place.land().ignored == ("notes.txt",)


def test_the_quarantine_holds_no_word_of_a_conversation(place):
    write(place.landing / "a.jsonl", '{"id": "c1", "started_at": "my secret"}', '{"my secret')

    place.land()

    assert len(place.quarantined()) == 2
    assert "my secret" not in "".join(file.read_text() for file in place.folder.quarantine.iterdir())


def test_a_missing_and_an_empty_landing_folder_say_what_to_do(tmp_path):
    folder = open_data_folder(tmp_path / "data")
    with pytest.raises(SettingsError, match="is not a folder. Put export files"):
        land_folder(tmp_path / "nowhere", folder, UTC)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LandingError, match="holds no export file"):
        land_folder(tmp_path / "empty", folder, UTC)


def test_an_empty_landing_folder_is_fine_once_something_has_landed(place):
    path = write(place.landing / "a.json", raw(1))
    place.land()
    path.unlink()

    assert place.land().file_count == 0


def test_a_disk_that_cannot_be_written_ends_in_a_sentence_and_leaves_nothing_half_written(place):
    write(place.landing / "a.json", raw(1))
    place.folder.landed.write_text("a file where the folder should be")

    with pytest.raises(DataFolderError, match="cannot be written or read"):
        place.land()

    place.folder.landed.unlink()
    assert place.land().kept_count == 1


def test_a_landing_that_was_killed_before_it_wrote_its_table_is_made_up_for(place):
    write(place.landing / "a.json", raw(1))
    place.land()
    place.folder.whole_file("ingest_files").unlink()

    place.land()

    assert pq.read_table(place.folder.whole_file("ingest_files")).num_rows == 1


def test_what_a_killed_landing_left_behind_is_not_read(place):
    write(place.landing / "a.json", raw(1))
    place.land()
    landed = next(place.folder.landed.glob("*/receipt.json")).parent
    half = place.folder.landed / ".other.tmp"
    half.mkdir()
    (half / "day=2026-09-01.parquet").write_bytes(next(landed.glob("day=*")).read_bytes())

    place.land()

    assert [path.name for path in place.folder.landed.glob("*/receipt.json")] == ["receipt.json"]
    assert merge(place.folder).conversation_count == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happens_to_a_file_everything_in_it_is_accounted_for(tmp_path_factory, data):
    place = Place(tmp_path_factory.mktemp("mutated"))
    name = data.draw(st.sampled_from(["a.json", "a.jsonl", "a.jsonl.gz", "a.json.gz"]))
    path = write(place.landing / name, *(raw(number) for number in range(6)))
    content = bytearray(path.read_bytes())
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    for _ in range(rng.randrange(1, 6)):
        start = rng.randrange(len(content))
        content[start : start + rng.randrange(0, 40)] = bytes(rng.randrange(256) for _ in range(rng.randrange(0, 10)))
        content = content or bytearray(b"x")
    path.write_bytes(content)

    (receipt,) = place.land().receipts

    total = receipt.kept_count + receipt.duplicate_count + receipt.waiting_count + receipt.quarantined_count
    assert receipt.read_count == total > 0
    assert len(place.ids()) == receipt.kept_count


def test_all_star_conversations_land(tmp_path):
    star = Path(__file__).parents[3] / "shared" / "data" / "star" / "v3"
    if not star.is_dir():
        pytest.skip(f"the STAR conversations are not at {star}")
    folder = open_data_folder(tmp_path)

    report = land_folder(star, folder, UTC)

    assert (report.read_count, report.kept_count, report.quarantined_count) == (6_652, 6_652, 0)
