"""A preview as one HTML page that needs nothing else: no script, no font, no request."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from metrics_pipeline.authoring.answers import Answers, Share
from metrics_pipeline.authoring.preview import Preview, Shown
from metrics_pipeline.authoring.report import (
    comparison_notes,
    cost_lines,
    numbers_text,
    one_line,
    source_title,
    state_rows,
)
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.wording import counted

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8884; --mark: #3a7bd5 }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
h2 {{ margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line) }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem }}
dd {{ margin: 0 }}
table {{ border-collapse: collapse; width: 100%; margin: .5rem 0 }}
td, th {{ text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line) }}
td.number, th.number {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }}
tr.rate td {{ font-weight: bold }}
svg {{ display: block; width: 100%; min-width: 8rem; height: 1rem }}
article {{ margin: .75rem 0; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .4rem }}
blockquote {{ margin: .25rem 0 0; padding-left: .75rem; border-left: 3px solid var(--mark); overflow-wrap: anywhere }}
small {{ opacity: .75 }}
</style></head><body>
"""
_COLUMNS = (
    '<tr><th>of the conversations</th><th class="number">conversations</th><th class="number">share</th>'
    '<th class="number">95 % interval</th><th></th></tr>'
)


def preview_page(found: Preview) -> str:
    """The preview as HTML. Everything that was said is escaped."""
    metric = found.metric
    by = f", judged by {found.judge}" if found.judge else ""
    parts = [
        _HEAD.format(title=escape(metric.name)),
        f"<h1>{escape(metric.name)}</h1>",
        f"<p><small>{escape(metric.key)}, version {metric.version}, {metric.status}{escape(by)}, tried on "
        f"{counted(found.conversation_count, 'conversation')}</small></p>",
        "<dl>",
        *(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _said_by(metric)),
        "</dl>",
    ]
    for answers in found.sources:
        parts += [f"<h2>{escape(source_title(found, answers).capitalize())}</h2>", *_tables(answers, metric.unit)]
    parts += [f"<p>{escape(sentence.capitalize())}.</p>" for sentence in comparison_notes(found)]
    for name, rows in found.shown.items():
        parts += [f"<h2>{escape(name)}</h2>", *map(_conversation, rows)]
    parts += ["<h2>Cost</h2>", *(f"<p>{escape(line.capitalize())}.</p>" for line in cost_lines(found))]
    return "\n".join([*parts, "</body></html>\n"])


def _said_by(metric: MetricDefinition) -> Iterable[tuple[str, str]]:
    yield "definition", metric.definition
    if metric.applies_when:
        yield "applies when", metric.applies_when
    if metric.true_when:
        yield "true when", metric.true_when
    if metric.false_when:
        yield "false when", metric.false_when
    for label in metric.labels:
        yield f"{label.name} ({label.outcome})", label.when or ""


def _tables(answers: Answers, unit: str | None) -> Iterable[str]:
    yield f"<table>{_COLUMNS}"
    yield from (_row(name, one) for name, one in state_rows(answers))
    yield "</table>"
    if answers.answers:
        yield f"<table>{_COLUMNS.replace('of the conversations', 'of those that are answered')}"
        yield from (_row(name, one) for name, one in answers.answers.items())
        if answers.rate is not None:
            yield _row(f"rate, of {answers.rate.out_of}", answers.rate, "rate")
        yield "</table>"
    if answers.numbers is not None:
        yield f"<p>{escape(numbers_text(answers, unit).capitalize())}</p>"


def _row(name: str, one: Share, kind: str = "") -> str:
    opening = f'<tr class="{kind}"><td>{escape(name)}</td><td class="number">{one.number:,}</td>'
    if one.share is None or one.low is None or one.high is None:
        return f'{opening}<td class="number">none</td><td></td><td></td></tr>'
    return (
        f'{opening}<td class="number">{one.share:.1%}</td><td class="number">{one.low:.1%} to {one.high:.1%}</td>'
        f"<td>{_bar(one.share, one.low, one.high)}</td></tr>"
    )


def _bar(share: float, low: float, high: float) -> str:
    """The share as a bar with its interval as a line across its end."""
    return (
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="100" height="10" fill="#8882"/>'
        f'<rect width="{100 * share:.2f}" height="10" fill="#3a7bd5"/>'
        f'<rect x="{100 * low:.2f}" y="4" width="{100 * (high - low):.2f}" height="2" fill="#d5783a"/></svg>'
    )


def _conversation(row: Shown) -> str:
    quotes = "".join(
        f"<blockquote><small>turn {item.turn_index}</small> {escape(one_line(item.quote))}</blockquote>"
        for item in row.evidence
    )
    beside = "".join(
        f" · {name}: {escape(value)}" for name, value in (("baseline", row.baseline), ("logged", row.logged)) if value
    )
    number = f" · {escape(row.outcome)}" if row.outcome.replace(".", "").isdigit() else ""
    return (
        f"<article><b>{escape(one_line(row.conversation_id))}</b> <small>{row.conversation_date}{number}{beside}"
        f"</small><br>{escape(one_line(row.reason or ''))}{quotes}</article>"
    )
