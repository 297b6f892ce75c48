"""Take the pictures of docs/pictures from Dagster's own web server, on the data that `metrics demo` has made.

make browser demo
.venv/bin/python scripts/pictures.py data
"""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "builders"))

from browser import page  # noqa: E402

from metrics_pipeline.settings import working_environment  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
COLORS = 128
"""Of a picture's palette: a fifth of the bytes, and no difference that one sees."""
METRIC = "booking_completed"
WARNED = "request_resolved"
"""A metric that one of its checks warns of on the demo's data."""
PAGES = {
    "asset_graph": ("/asset-groups?expanded=global%40global%3Alake%2Cglobal%40global%3Ametrics", "conversations"),
    "days_of_a_metric": (f"/assets/metric/{METRIC}?view=partitions", "2026-09-01"),
    "checks_of_a_metric": (f"/assets/metric/{WARNED}?view=checks&checkDetail=undecided", "Latest execution"),
}
"""By the picture's name: the page, and what it shows once it is there."""
SETTLED_MILLISECONDS = 4_000
PATIENCE_SECONDS = 300
HEIGHT = 1150
"""Of the window, so that eight metrics fit into it."""


@contextmanager
def web_server(data: Path) -> Iterator[str]:
    """The address of Dagster's web server, read-only, on that data folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {"METRICS_DATA": str(data), "DAGSTER_HOME": str(data.absolute() / "dagster_home")}
    environment = working_environment() | home
    command = [Path(sys.executable).with_name("dagster-webserver"), "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([*command, "--read-only", "--workspace", "workspace.yaml"], cwd=ROOT, env=environment)
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                httpx.get(f"http://127.0.0.1:{port}/server_info", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def smaller(picture: bytes) -> bytes:
    """The same picture with a palette."""
    from PIL import Image

    kept = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLORS).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def main(data: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with web_server(data) as address, page(height=HEIGHT) as browser:
        browser.set_default_timeout(PATIENCE_SECONDS * 1000)
        for name, (path, shown) in PAGES.items():
            browser.goto(f"{address}{path}")
            browser.get_by_text(shown).first.wait_for()
            browser.wait_for_timeout(SETTLED_MILLISECONDS)
            content = smaller(browser.screenshot())
            (PICTURES / f"{name}.png").write_bytes(content)
            print(f"{name}.png: {len(content):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
