"""A preview as one HTML page that needs nothing else: no script, no font, no request."""

from __future__ import annotations

from html import escape

from metrics_pipeline.authoring.preview import Preview, Shown
from metrics_pipeline.authoring.report import estimate_line

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 56rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #8884 }}
td.bar div {{ background: #3a7bd5; height: .8rem }}
blockquote {{ margin: .25rem 0; padding-left: .75rem; border-left: 3px solid #3a7bd5 }}
small {{ opacity: .75 }}
</style></head><body>
"""


def preview_page(found: Preview) -> str:
    """The preview as HTML. Everything that was said is escaped."""
    metric = found.metric
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in found.states.items() if count)
    parts = [
        _HEAD.format(title=escape(metric.name)),
        f"<h1>{escape(metric.name)}</h1><p>{escape(metric.definition)}</p>",
        f"<p><small>{escape(metric.key)}, version {metric.version}, {metric.status}</small></p>",
        f"<p>{found.conversation_count} conversations: {escape(states)}</p>",
        "<table><tr><th>answer</th><th>share</th><th>95 % interval</th><th>conversations</th><th></th></tr>",
        *(
            f"<tr><td>{escape(row.answer)}</td><td>{row.share:.1%}</td><td>{row.low:.1%} to {row.high:.1%}</td>"
            f'<td>{row.answer_count}</td><td class="bar"><div style="width:{row.share:.1%}"></div></td></tr>'
            for row in found.answers
        ),
        "</table>",
    ]
    if found.mean is not None:
        parts.append(f"<p>mean {found.mean:.4g} {escape(metric.unit or '')}</p>")
    for what, same in (("The baseline", found.same_as_baseline), ("The logged value", found.same_as_logged)):
        if same:
            parts.append(f"<p>{what} says the same about {same[0]} of {same[1]} that both answer.</p>")
    for number, right, given in found.examples:
        verdict = "right" if right == given else "wrong"
        parts.append(f"<p>Example {number}: {verdict}, {escape(given)} (the file says {escape(right)})</p>")
    for name, rows in found.shown.items():
        parts += [f"<h2>{escape(name)}</h2>", *map(_conversation, rows)]
    parts += [
        "<h2>Cost</h2>",
        f"<p>This sample: {found.tally.requests:,} requests sent; the ledger held {found.held_count:,} answers.</p>",
        f"<p>Newest day: {escape(estimate_line(found.nightly))}</p>",
        f"<p>Every day: {escape(estimate_line(found.backfill))}</p>",
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _conversation(row: Shown) -> str:
    quotes = "".join(f"<blockquote>turn {item.turn_index}: {escape(item.quote)}</blockquote>" for item in row.evidence)
    beside = "".join(
        f" · {name}: {escape(value)}" for name, value in (("baseline", row.baseline), ("logged", row.logged)) if value
    )
    return (
        f"<p><b>{escape(row.conversation_id)}</b> <small>{row.conversation_date}{beside}</small><br>"
        f"{escape(row.reason or '')}</p>{quotes}"
    )
