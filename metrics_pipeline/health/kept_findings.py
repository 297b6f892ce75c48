"""The findings of the last checks, kept beside the data: for whoever asks later, and for the message of a night."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import explained, write_atomically
from metrics_pipeline.health.finding import Finding


class Checked(NamedTuple):
    """What the checks found, and when they looked."""

    at: datetime
    findings: tuple[Finding, ...]


def keep_findings(folder: DataFolder, now: datetime, findings: Sequence[Finding]) -> None:
    """Put `findings` in the place of those of the checks before."""
    write_atomically(folder.findings, msgspec.json.encode(Checked(now, tuple(findings))))


def last_findings(folder: DataFolder) -> Checked | None:
    """What the last checks found; None where none was ever made.

    Raises:
        DataFolderError: The file is damaged.
    """
    if not folder.findings.exists():
        return None
    with explained(folder.findings):
        content = folder.findings.read_bytes()
    try:
        return msgspec.json.decode(content, type=Checked)
    except msgspec.DecodeError:
        raise DataFolderError(f"{folder.findings}: is damaged. Remove it; the next run writes it anew.") from None
