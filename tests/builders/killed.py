"""Erasing in a process that is killed when it is about to change a file's name, or remove one, for the nth time."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.erasing import erasure
from metrics_pipeline.erasing.erasure import finish
from metrics_pipeline.files import locked
from metrics_pipeline.settings import load_settings

CHANGES = ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree")


def in_child(context: Any, source: Path, root: Path, conversation_id: str, moment: datetime, number: int | None) -> int:
    """Copy the project to `root` and erase there, in a child that is killed at its nth change; never where None.

    Returns:
        The changes that it made.
    """
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=_erase, args=(source, root, conversation_id, moment, number, send))
    child.start()
    send.close()
    child.join()
    assert child.exitcode == (0 if number is None else -signal.SIGKILL)
    return receive.recv() if number is None else number


def renames(act: Callable[[], Any]) -> Counter[str]:
    """How often each file's name was taken by a new one while `act` ran."""
    found: Counter[str] = Counter()
    is_on = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if is_on and event == "os.rename" and not str(arguments[1]).endswith(".tmp"):
            found[str(arguments[1])] += 1

    sys.addaudithook(hook)
    try:
        act()
    finally:
        is_on.clear()
    return found


def erase(root: Path, conversation_id: str, moment: datetime) -> None:
    """What the command does before it builds the tables anew."""
    settings = load_settings({"data": root / "data"}, {}, root)
    folder = DataFolder(settings.data)
    with locked(folder.landed / ".lock"):
        if finish(folder, settings.landing_folder) is None:
            erasure.erase(folder, [conversation_id], settings.landing_folder, moment)


def _erase(source: Path, root: Path, conversation_id: str, moment: datetime, number: int | None, send: Any) -> None:
    shutil.copytree(source, root, symlinks=True)
    made = [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES and str(root) in str(arguments[0]):
            if made[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            made[0] += 1

    sys.addaudithook(hook)
    erase(root, conversation_id, moment)
    send.send(made[0])
