"""What a run prints when it is done."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console

from metrics_pipeline.tables import EVALUATION_RUNS
from metrics_pipeline.terminal import MOST_METRICS, print_figures


def row(number: int) -> dict[str, object]:
    zeros = {name: 0 for name in EVALUATION_RUNS.names if name.endswith(("_count", "_tokens"))}
    mine = {"metric": f"metric_{number:02d}", "call_count": 1_000 + number, "planned_count": 4_321, "held_count": 3_210}
    price = {"dollars": Decimal("12.3456789"), "prompt_tokens": 1_234_567, "open_count": 17, "open_reason": "budget"}
    return zeros | mine | price


def printed(rows, width: int) -> list[str]:
    out = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False)
    print_figures(out, rows)
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 160])
def test_the_figures_of_a_run_fit_a_screen_and_say_how_many_they_leave_out(width):
    idle = row(99) | {"call_count": 0, "planned_count": 0}
    unpriced = row(24) | {"dollars": None}
    lines = printed([*(row(number) for number in range(24)), unpriced, idle], width)

    assert len(lines) == MOST_METRICS + 2
    assert max(map(len, lines)) <= width
    assert lines[-1].strip().startswith("and 5 metrics more")
    assert lines[1].split()[0] == "metric_24"
    assert "not known" in lines[1]
    assert all(word in lines[2] for word in ("metric_23", "1,023", "17 budget", "1,234,567", "12.3457"))
    assert ("4,321" in lines[2]) == ("3,210" in lines[2]) == (width == 160)
    assert "metric_99" not in " ".join(lines)


def test_a_run_without_work_prints_no_figures():
    assert printed([row(1) | {"call_count": 0, "planned_count": 0}], 160) == []
