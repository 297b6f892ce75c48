"""Folders, their disk, their clock, and who holds the locks in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.files import is_locked
from metrics_pipeline.health.examined import Examined
from metrics_pipeline.health.storage import storage
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

DISK_SKEW = timedelta(seconds=5)
PROBE = ".doctor."
HELD_LOCK = re.compile(r"FLOCK +\S+ +\S+ +(\d+) +[0-9a-f]+:[0-9a-f]+:(\d+) ")


def landing(settings: Settings) -> Iterator[Examined]:
    """Whether the export files can be read."""
    folder = settings.landing_folder
    if not folder.is_dir():
        if settings.pull_url:
            yield Examined("landing", "ok", f"{folder} is not there yet: the first pull makes it")
        else:
            yield Examined(
                "landing", "fail", f"{folder} is not a folder", "Put export files there, or set METRICS_LANDING."
            )
        return
    refused: list[str] = []
    count = 0
    for place, folders, files in os.walk(folder, onerror=lambda error: refused.append(str(error.filename))):
        count += len(files)
        refused.extend(str(Path(place, name)) for name in (*folders, *files) if not _is_readable(Path(place, name)))
    if refused:
        more = f" and {len(refused) - 1:,} more" if len(refused) > 1 else ""
        yield Examined("landing", "fail", f"{refused[0]}{more} cannot be read", "Correct the permissions.")
    else:
        yield Examined("landing", "ok", f"{folder}: {counted(count, 'file')}")


def writable(folder: DataFolder) -> Iterator[Examined]:
    """Whether each folder of the data folder can be written: an empty file is made in it and taken away."""
    if not folder.root.exists():
        there = next(place for place in folder.root.absolute().parents if place.exists())
        if problem := _refusal(there):
            yield Examined("write access", "fail", problem, "Make the data folder, or correct the permissions.")
        else:
            yield Examined("write access", "ok", f"{folder.root} is not there yet, and can be made")
        return
    own = (folder.root, *sorted(path for path in folder.root.iterdir() if path.is_dir() and path.name != "landing"))
    problems = [problem for problem in map(_refusal, own) if problem]
    for problem in problems:
        yield Examined("write access", "fail", problem, "Correct its permissions or owner.")
    if not problems:
        yield Examined("write access", "ok", f"{counted(len(own), 'folder')} of {folder.root}")


def home_is_writable(home: Path) -> Examined:
    """Whether Dagster can keep its runs."""
    if problem := _refusal(home):
        return Examined("dagster home", "fail", problem, "Correct its permissions or owner.")
    return Examined("dagster home", "ok", str(home))


def room(folder: DataFolder) -> Examined:
    """Whether the disk has room for a night."""
    found = storage(folder)
    said = f"{found.free / 1e9:,.1f} GB free, a night should have {found.needed / 1e9:,.1f} GB"
    if found.is_enough:
        return Examined("free space", "ok", said)
    return Examined("free space", "fail", said, "Free some, or set METRICS_KEEP_GENERATIONS lower.")


def clock_of_the_disk(folder: DataFolder, now: datetime) -> Examined:
    """Whether the disk that holds the data has another clock than this machine, as one over a network may."""
    there = next(place for place in (folder.root, *folder.root.absolute().parents) if place.exists())
    probe = there / f"{PROBE}{uuid4().hex}"
    try:
        probe.touch()
        written = datetime.fromtimestamp(probe.stat().st_mtime, UTC)
    except OSError:
        return Examined("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC; not compared, for nothing can be written")
    finally:
        probe.unlink(missing_ok=True)
    skew = abs(written - datetime.now(UTC))
    if skew > DISK_SKEW:
        said = f"the disk of {there} says {written:%Y-%m-%d %H:%M:%S}, this machine {now:%Y-%m-%d %H:%M:%S} UTC"
        return Examined("clock", "warn", said, "Have both keep time by NTP.")
    return Examined("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC, and the disk agrees")


def locks(folder: DataFolder, longest_run_seconds: float, now: datetime) -> Iterator[Examined]:
    """Who holds a lock. One ends with its process, however that ends: none is ever left by a dead one."""
    held = False
    for path in (folder.landed / ".lock", folder.judging_lock, folder.warehouse / ".lock"):
        if not _is_held(path):
            continue
        held = True
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        who = " and ".join(f"process {pid}" for pid in _holders(path)) or "a process of another machine or user"
        said = f"{path.relative_to(folder.root)} is held by {who}, since {since:%Y-%m-%d %H:%M} UTC or before"
        if now - since > timedelta(seconds=longest_run_seconds):
            to_do = "See what it does, and end it if it hangs: others wait for it."
            yield Examined("locks", "warn", f"{said}, longer than a run may take", to_do)
        else:
            yield Examined("locks", "ok", said)
    if not held:
        yield Examined("locks", "ok", "none is held")


def _refusal(folder: Path) -> str | None:
    """Why `folder` cannot be written to, a sentence; None where it can."""
    probe = folder / f"{PROBE}{uuid4().hex}"
    try:
        probe.touch()
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror})"
    probe.unlink()
    return None


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0), effective_ids=True)


def _is_held(path: Path) -> bool:
    # One that may not be read is said under write access.
    with suppress(PermissionError):
        return is_locked(path, even_shared=True)
    return False


def _holders(path: Path) -> list[int]:
    """Processes of this machine that hold it, as Linux lists them; none where it does not say."""
    try:
        listed = Path("/proc/locks").read_text()
    except OSError:
        return []
    inode = str(path.stat().st_ino)
    return sorted({int(pid) for pid, found in HELD_LOCK.findall(listed) if found == inode})
