"""Whatever a file holds: what can be kept is kept as it is, the rest is named, and memory stays bounded."""

from __future__ import annotations

import gc
import gzip
import json
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write

from metrics_pipeline.conversations.landing import LandingReport, land_folder
from metrics_pipeline.conversations.reading import SUFFIXES, read_export
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import open_data_folder

MEMORY_MIB = 512
BLOCK_BYTES = 64 << 20


class Place:
    """A landing folder beside a data folder."""

    def __init__(self, root: Path) -> None:
        self.landing = root / "landing"
        self.landing.mkdir(parents=True)
        self.folder = open_data_folder(root / "data")

    def land(self, redactor: Redactor | None = None) -> LandingReport:
        return land_folder(self.landing, self.folder, ZoneInfo("UTC"), redactor)

    def rows(self) -> dict[str, dict]:
        shards = self.folder.landed.glob("*/day=*.parquet")
        return {row["conversation_id"]: row for shard in shards for row in pq.read_table(shard).to_pylist()}

    def quarantined(self) -> list[tuple[str, str]]:
        files = sorted(self.folder.quarantine.glob("*.jsonl"))
        named = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [(one["position"], one["reason"]) for one in named]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def with_words(words: str) -> bytes:
    return json.dumps(raw(2), ensure_ascii=False).replace("question 0 of 2", words).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (json.dumps(raw(2)).replace('"VOICE-SIP"', "[" * 100_000 + "]" * 100_000).encode(), "nested too deep"),
        (with_words("a \0 b"), "invalid character"),
        (with_words("\ud83d"), "UTF-8"),
        (with_words("\\ud83d"), "half of a surrogate pair"),
        (with_words("x").replace(b'"x"', b'"\xff\xfe"'), "UTF-8"),
        (json.dumps(raw(2, total_duration=float("nan"))).encode(), "invalid character"),
        (json.dumps(raw(2)).replace('"total_duration": 30', '"total_duration": 1e999').encode(), "Number out of range"),
        (b'{"id": "c2", "started_at": "2026-09-01T10:00:00Z", "environment": "' + b"x" * (9 << 20) + b'"}', "8 MiB"),
        (b"<html>502 Bad Gateway</html>", ""),
    ],
)
@pytest.mark.parametrize("shape", [b'{"conversations": [%s]}', b"%s"], ids=["page", "lines"])
def test_one_conversation_that_cannot_be_read_is_named_and_its_neighbours_are_kept(place, shape, item, reason):
    items = [json.dumps(raw(1)).encode(), item, json.dumps(raw(3)).encode()]
    is_page = shape != b"%s"
    content = shape % (b", " if is_page else b"\n").join(items)
    (place.landing / ("a.json" if is_page else "a.jsonl")).write_bytes(content)

    place.land()

    assert sorted(place.rows()) == ["c1", "c3"]
    ((position, why),) = place.quarantined()
    assert position == ("/conversations/1" if is_page else "line 2")
    assert reason in why


@pytest.mark.parametrize("depth", [20, 150, 400, 900])
def test_a_conversation_nested_ever_deeper_is_kept_or_named_and_ends_nothing(place, depth):
    nested = json.loads("[" * depth + "]" * depth)
    write(place.landing / "a.jsonl", raw(1, metrics={"x": nested}), raw(2, state=nested), raw(3))

    report = place.land()

    assert report.kept_count + report.quarantined_count == 3
    assert "c3" in place.rows()
    assert depth > 20 or report.kept_count == 3
    assert {reason.split(": ")[-1] for _, reason in place.quarantined()} <= {"nested too deep"}


def test_what_can_be_kept_is_kept_to_the_letter(place):
    words = 'NUL \0, \u2028, \u202e, é, e\u0301, 🏨, \r\n, "\\", ٣, ' + "long " * 1_000
    numbers = {"big": 9_007_199_254_740_993, "bigger": 2**70, "exact": 0.1, "text": "007"}
    write(place.landing / "a.json", raw(1, turns=[{"user_input": words}], metrics=numbers, id=9_007_199_254_740_993))
    (place.landing / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(raw(2)).encode() + b"\r\n\r\n")

    place.land(Redactor())

    rows = place.rows()
    assert sorted(rows) == ["9007199254740993", "c2"]
    assert [turn["text"] for turn in rows["9007199254740993"]["turns"]] == [words]
    assert {one["metric"]: one["value"] for one in rows["9007199254740993"]["logged_metrics"]} == {
        "big": "9007199254740993",
        "bigger": "1180591620717411303424",
        "exact": "0.1",
        "text": "007",
    }


def test_of_a_key_that_stands_twice_the_last_counts(place):
    text = json.dumps(raw(1)).replace('"channel":', '"channel": "WEBCHAT", "channel":')
    (place.landing / "a.json").write_text(text.replace('"user_input":', '"user_input": "first", "user_input":'))

    place.land()

    (row,) = place.rows().values()
    assert (row["channel"], row["turns"][0]["text"]) == ("voice", "question 0 of 1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><html>", "HTML or XML, not JSON"),
        (json.dumps(raw(1)).encode("utf-16"), "written in UTF-16"),
        (b"id,started_at\n", "not JSON"),
    ],
)
def test_what_is_no_json_at_all_is_named_for_what_it_is(place, content, reason):
    (place.landing / "a.json").write_bytes(content)

    place.land()

    ((position, why),) = place.quarantined()
    assert position == ""
    assert reason in why


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz"])
def test_a_file_cut_at_any_byte_keeps_what_came_whole_and_names_the_rest(tmp_path, name):
    path = write(tmp_path / name, raw(1, 1), raw(2, 1), raw(3, 1))
    content, whole = path.read_bytes(), [bytes(place.raw).strip() for place in read_export(path)]
    assert len(whole) == 3
    for length in range(1, len(content) - 1, 7):
        path.write_bytes(content[:length])
        came = content[:length]
        if name.endswith(".gz"):
            came = zlib.decompressobj(31).decompress(came)
        complete = [one for one in whole if one in came]

        found = list(read_export(path))

        # What is left of a line is named when it is read as a conversation, which it is not.
        kept = [bytes(place.raw).strip() for place in found if place.raw is not None]
        assert kept[: len(complete)] == complete, length
        assert not set(kept[len(complete) :]) & set(whole), length
        assert len(found) > len(complete) or came.endswith((b"}", b"\n")), length


@pytest.mark.parametrize("name", ["a.json.gz", "a.jsonl.gz", "a.zip"])
def test_what_was_altered_while_it_was_packed_is_not_kept(place, name):
    write(place.landing / "b.jsonl", raw(9))
    lines = "\n".join(json.dumps(raw(number, environment=f"{number**9}")) for number in range(1, 9)).encode()
    content = lines if "jsonl" in name else b"[" + lines.replace(b"\n", b",") + b"]"
    path = place.landing / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(content, 0))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.json", content)
    path.write_bytes(path.read_bytes().replace(b"question 0 of 4", b"QUESTION 0 of 4"))

    place.land()

    assert sorted(place.rows()) == ["c9"]
    ((_, reason),) = place.quarantined()
    assert "its checksum says that it was altered" in reason


class Writing(Redactor):
    """Writes to a file while it is read, once."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.has_written = path, False

    def redact_columns(self, found):
        if not self.has_written:
            with self.path.open("a") as file:
                file.write(json.dumps(raw(7)) + "\n")
        self.has_written = True
        return super().redact_columns(found)


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_landing(place):
    path = write(place.landing / "a.jsonl", raw(1))
    write(place.landing / "b.jsonl", raw(2))

    report = place.land(Writing(path))

    assert report.changing == ("a.jsonl",)
    assert gc.isenabled()
    assert (report.file_count, sorted(place.rows())) == (1, ["c2"])

    assert place.land().changing == ()
    assert sorted(place.rows()) == ["c1", "c2", "c7"]


def test_a_small_file_of_too_many_bad_places_is_not_named_place_by_place(place, monkeypatch):
    monkeypatch.setattr("metrics_pipeline.conversations.landed_file.MAX_QUARANTINED", 50)
    (place.landing / "a.jsonl").write_bytes(b"{}\n" * 1_000)

    (receipt,) = place.land().receipts

    assert receipt.read_count == receipt.quarantined_count == 51
    assert "more than 50 places of this file cannot be read" in place.quarantined()[-1][1]


LAND = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from metrics_pipeline.conversations import landing, reading
from metrics_pipeline.data_folder import open_data_folder
if "unbounded" in sys.argv:
    reading.WHOLE_BYTES = reading.MAX_CONVERSATION_BYTES = 1 << 40
report = landing.land_folder(Path(sys.argv[1]), open_data_folder(Path(sys.argv[2])), ZoneInfo("UTC"))
# getrusage would give the peak of the process that started this one, where that was higher.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(report.kept_count, report.quarantined_count, int(peak) >> 10)
"""


def landed_apart(landing: Path, data: Path, *words: str) -> tuple[int, int, int]:
    """Kept, quarantined, and peak memory in MiB of a process that does nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", LAND, str(landing), str(data), *words], check=True, capture_output=True, text=True
    )
    kept, quarantined, mebibytes = map(int, done.stdout.split())
    return kept, quarantined, mebibytes


def packed(begin: bytes, block: bytes, end: bytes = b"", count: int = 1) -> bytes:
    """A gzip that unpacks to `begin`, `count` large blocks, and `end`."""
    repeated = gzip.compress((block * (BLOCK_BYTES // len(block) + 1))[:BLOCK_BYTES], 1)
    return gzip.compress(begin) + repeated * count + gzip.compress(end)


@pytest.mark.slow
def test_bombs_and_giants_of_every_kind_stay_within_memory(tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    good, header = json.dumps(raw(1)).encode(), b"conversation_id,started_at,speaker,text\n"
    giant = b'{"id":"giant","started_at":"2026-09-01T10:00:00Z","environment":"'
    (landing / "page.json.gz").write_bytes(packed(b"[" + good + b"," + giant, b"x", b'"},' + good + b"]", 10))
    (landing / "line.jsonl.gz").write_bytes(packed(good + b"\n" + giant, b"x", b'"}\n' + good, 10))
    (landing / "deep.json.gz").write_bytes(packed(b"[" + good + b",", b"[", b"", 10))
    (landing / "many.json.gz").write_bytes(packed(b"[" + good + b",", b"{},", b"", 10))
    (landing / "list.json").write_bytes(b"[" + b"1," * ((7 << 20) // 2) + b"1]")
    (landing / "row.csv.gz").write_bytes(packed(header, b"x", b"\n", 10))
    (landing / "rows.csv").write_bytes(header + b"c,,user,x\n" * (1 << 19))
    with zipfile.ZipFile(landing / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("good.json", good)
        with archive.open("bomb.jsonl", "w") as member:
            for _ in range(10):
                member.write(b"x" * BLOCK_BYTES)

    kept, quarantined, mebibytes = landed_apart(landing, tmp_path / "data")

    assert kept == 5
    assert quarantined > 100_000
    assert mebibytes < MEMORY_MIB


def test_the_bound_on_memory_is_what_keeps_it_low(tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "a.json.gz").write_bytes(packed(b'["', b"x", b'"]', 5))

    *_, bounded = landed_apart(landing, tmp_path / "data")
    *_, unbounded = landed_apart(landing, tmp_path / "other", "unbounded")

    assert bounded < MEMORY_MIB < unbounded


BOTH = [raw(1), raw(2)]
WRAPPED = {
    "results": {"count": 2, "results": BOTH},
    "data": {"object": "list", "data": BOTH, "has_more": False},
    "conversations within data": {"data": {"conversations": BOTH, "total": 2}},
    "a list": BOTH,
    "pages in a list": [{"conversations": BOTH[:1], "cursor": "x"}, {"conversations": BOTH[1:], "cursor": None}],
    "other pages in a list": [{"data": BOTH[:1]}, {"data": BOTH[1:]}],
}


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
@pytest.mark.parametrize("wrapping", WRAPPED)
def test_conversations_are_found_however_they_are_wrapped(place, name, wrapping):
    (place.landing / name).write_text(json.dumps(WRAPPED[wrapping]))

    (receipt,) = place.land().receipts

    assert sorted(place.rows()) == ["c1", "c2"]
    assert receipt.read_count == 2


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_one_bad_conversation_in_a_page_of_any_kind_takes_no_other_with_it(place, wrapping):
    text = json.dumps(WRAPPED[wrapping]).replace("question 0 of 2", "\\ud83d")
    (place.landing / "a.json").write_text(text)

    place.land()

    assert sorted(place.rows()) == ["c1"]
    ((position, reason),) = place.quarantined()
    assert "/" in position
    assert "half of a surrogate pair" in reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.json", "\n".join(map(json.dumps, BOTH))),
        ("one after the other.json", "\n".join(json.dumps(one, indent=2) for one in BOTH)),
        ("document.jsonl", json.dumps({"conversations": BOTH}, indent=2)),
        ("list.jsonl", json.dumps(BOTH, indent=2)),
        ("first line broken.json", "\n".join(['{"cut', *map(json.dumps, BOTH)])),
    ],
)
def test_a_file_is_what_its_content_says_and_not_its_name(place, name, content):
    (place.landing / name).write_text(content)

    (receipt,) = place.land().receipts

    assert sorted(place.rows()) == ["c1", "c2"]
    assert receipt.read_count == 2 + ("broken" in name)


def test_a_document_larger_than_what_is_read_at_once_is_cut_as_it_comes(place, monkeypatch):
    monkeypatch.setattr("metrics_pipeline.conversations.reading.WHOLE_BYTES", 100)
    monkeypatch.setattr("metrics_pipeline.conversations.unpacking.CHUNK_BYTES", 64)
    tricky = raw(3, environment='"]}, [{" \\')
    (place.landing / "page.json").write_text(json.dumps({"data": [*BOTH, tricky], "more": [{}]}))
    (place.landing / "lines.json").write_text("\n".join(json.dumps(raw(number)) for number in (4, 5)))
    (place.landing / "each.json").write_text("\n".join(json.dumps(raw(number), indent=1) for number in (6, 7)))
    (place.landing / "one.json.gz").write_bytes(gzip.compress(json.dumps(raw(8)).encode()))

    report = place.land()

    assert sorted(place.rows()) == [f"c{number}" for number in range(1, 9)]
    assert report.quarantined_count == 0


def test_every_export_of_a_zip_archive_is_read_and_what_is_none_is_named(place):
    with zipfile.ZipFile(place.landing / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/page.json", json.dumps({"conversations": BOTH}))
        archive.writestr("lines.jsonl.gz", gzip.compress(json.dumps(raw(3)).encode()))
        archive.writestr("turns.csv", "conversation_id,started_at,speaker,text\nr,2026-09-01,user,one\n")
        archive.writestr("__MACOSX/._page.json", "rubbish")
        archive.writestr("inner.zip", "PK")
        archive.writestr("bad.jsonl", json.dumps(raw(4)) + "\n{}\n")

    (receipt,) = place.land().receipts

    assert sorted(place.rows()) == ["c1", "c2", "c3", "c4", "r"]
    assert receipt.read_count == 7
    (inner, says), (bad, _) = place.quarantined()
    assert (inner, bad) == ("file 5", "file 6, line 2")
    assert "not called as an export is" in says


@pytest.mark.parametrize("name", ["./a.json", "../../a.json", "deep/./a.json"])
def test_a_file_of_a_zip_archive_is_read_whatever_path_its_packer_wrote(place, name):
    with zipfile.ZipFile(place.landing / "a.zip", "w") as archive:
        archive.writestr(name, json.dumps(raw(1)))

    place.land()

    assert place.rows().keys() == {"c1"}


def test_a_zip_archive_of_hidden_files_alone_is_not_passed_over_in_silence(place):
    with zipfile.ZipFile(place.landing / "a.zip", "w") as archive:
        archive.writestr("__MACOSX/._a.json", "rubbish")

    place.land()

    assert "without an export file" in place.quarantined()[0][1]


@pytest.mark.parametrize(
    ("method", "says"), [(zipfile.ZIP_LZMA, "another way than by deflate"), (None, "without an export file")]
)
def test_a_zip_archive_that_cannot_be_read_says_why(place, method, says):
    with zipfile.ZipFile(place.landing / "a.zip", "w", method or zipfile.ZIP_STORED) as archive:
        archive.writestr("a.json" if method else "a.txt", json.dumps(raw(1)))

    place.land()

    assert says in place.quarantined()[0][1]


def test_a_zip_archive_that_breaks_off_or_says_that_it_is_too_large_is_refused(place):
    with zipfile.ZipFile(place.landing / "a.zip", "w") as archive:
        archive.writestr("a.json", json.dumps(raw(1)))
    content = (place.landing / "a.zip").read_bytes()
    (place.landing / "cut.zip").write_bytes(content[:-30])
    at = content.rindex(b"PK\x05\x06")
    (place.landing / "listing.zip").write_bytes(content[: at + 12] + b"\xff\xff\xff\x7f" + content[at + 16 :])
    size = content.rindex(b"PK\x01\x02") + 24
    (place.landing / "size.zip").write_bytes(content[:size] + b"\xff\xff\xff\x7f" + content[size + 4 :])

    report = place.land()

    assert (report.kept_count, report.quarantined_count) == (1, 3)
    assert {reason.split(":")[0] for _, reason in place.quarantined()} == {
        "damaged while packed",
        "a zip archive of too many files",
        "the archive unpacks to more than 1024 MiB",
    }


def test_the_suffixes_that_are_read_are_those_that_the_page_names():
    page = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text()

    assert all(f"`{suffix}`" in page for suffix in (*SUFFIXES, ".zip") if not suffix.endswith(".gz"))
