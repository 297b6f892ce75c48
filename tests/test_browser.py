"""The browser that pages are looked at with shows a page of ours, and reaches nobody else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser import NoBrowserError, is_loopback, page

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        script = "document.title = 'drawn'; fetch('http://192.0.2.1/').catch(() => document.title += ', alone')"
        self.wfile.write(f"<p>hello</p><script>{script}</script>".encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_page_of_loopback_is_drawn_and_nobody_else_is_reached():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with page() as browser:
                browser.goto(f"http://127.0.0.1:{server.server_port}/")
                browser.wait_for_function("document.title === 'drawn, alone'")
                assert browser.get_by_text("hello").is_visible()
        except NoBrowserError as error:
            pytest.skip(str(error))
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("http://127.0.0.1:3000/assets", True),
        ("ws://127.0.0.1:3000/graphql", True),
        ("http://127.0.0.1.example.com:80/", False),
        ("https://example.com/", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(address, is_ours):
    assert is_loopback(address) == is_ours


def test_each_picture_is_small_and_shown_in_the_docs():
    text = (PICTURES.parent / "dagster.md").read_text()
    pictures = sorted(PICTURES.glob("*.png"))
    assert len(pictures) == 3
    assert [picture.name for picture in pictures if f"pictures/{picture.name}" not in text] == []
    assert max(picture.stat().st_size for picture in pictures) < 150_000
