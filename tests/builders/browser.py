"""A real browser: a Chromium that the machine has, driven by playwright, which is not asked to fetch one of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_IT = "a browser is needed: install Chromium (Debian: apt-get install chromium), and say make browser"
# Chromium cannot build its own walls as root, as in a container; pages that are looked at here are our own.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")


class NoBrowserError(Exception):
    """There is none; the message says how to get one."""


@contextmanager
def page(width: int = 1440, height: int = 900) -> Iterator[Page]:
    """A page of a browser that ends with the block. Only loopback answers it.

    Raises:
        NoBrowserError: Chromium or playwright is not installed.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowserError(HOW_TO_GET_IT) from None
    if program is None:
        raise NoBrowserError(HOW_TO_GET_IT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            found = browser.new_page(viewport={"width": width, "height": height}, timezone_id="UTC", locale="en-GB")
            found.route(lambda address: not is_loopback(address), lambda route: route.abort())
            yield found
        finally:
            browser.close()


def is_loopback(address: str) -> bool:
    return address.startswith(("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "data:", "blob:"))
