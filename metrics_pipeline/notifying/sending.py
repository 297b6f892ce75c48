"""A message on its way to each address: mail, chat, webhook, whatever apprise reaches."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from pydantic import SecretStr

from metrics_pipeline.health.apprise_library import load_apprise
from metrics_pipeline.notifying.message import Message

SHORTEST_SECRET = 4


def send(addresses: Sequence[SecretStr], message: Message) -> list[str]:
    """Send `message` to each address; returns why it did not get to some, a sentence for each, without the address."""
    apprise = load_apprise()

    problems = []
    for number, address in enumerate(addresses, start=1):
        text = address.get_secret_value()
        where = f"notify_urls, number {number} ({text.partition(':')[0]})"
        service = apprise.Apprise()
        if not service.add(text):
            problems.append(f"{where}: is no address that apprise understands")
            continue
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            arrived = service.notify(title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT)
            said = log.getvalue()
        if not arrived:
            first = next(iter(said.splitlines()), "it was not taken")
            problems.append(f"{where}: {_without_secrets(first, text)}")
    return problems


def _without_secrets(said: str, address: str) -> str:
    parts = [part for part in re.split(r"[:/@?&=,]+", address) if len(part) >= SHORTEST_SECRET]
    for part in sorted(parts[1:], key=len, reverse=True):
        said = said.replace(part, "…")
    return said
