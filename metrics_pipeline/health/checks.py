"""The checks, a function each: counts in, what was seen out.

A share is over its limit where chance would hardly bring so many from a share that is at it; two shares differ where
chance would hardly part them so far. Hardly: at a level at which all metrics of a day together raise a false alarm on
one day in twenty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import sqrt
from statistics import median
from typing import Protocol, TypeVar

from metrics_pipeline.health.chance import at_least, at_least_of, exactly_of, level_of_each
from metrics_pipeline.health.counts import BEFORE_DAYS, WEEKS, LabelDay, MetricDay, PairDay
from metrics_pipeline.health.finding import Figure
from metrics_pipeline.health.observation import Observation
from metrics_pipeline.serving.summary import wilson_interval
from metrics_pipeline.wording import counted

FALSE_ALARMS = 0.05
"""How often a day's shares pass their limit by chance alone, where every one of them is at it."""
FEWEST_WEEKS = 4
"""Earlier weeks that it takes to say what is usual for a weekday."""
MAD_TO_DEVIATION = 1.4826
"""The standard deviation of normal values over their median absolute deviation."""


def coverage(days: Iterable[MetricDay], limit: float) -> list[Observation]:
    """Conversations without a verdict: a count, and no matter of chance."""
    seen = []
    for day in days:
        figures = _figures(day.unjudged_count, day.conversation_count, limit)
        sentence = look_at = ""
        if day.unjudged_count > limit * day.conversation_count:
            share = day.unjudged_count / day.conversation_count
            sentence = (
                f"{day.metric} on {day.day}: {day.unjudged_count:,} of "
                f"{counted(day.conversation_count, 'conversation')} ({share:.1%}) "
                f"have no verdict; the limit is {limit:.1%}."
            )
            look_at = "`evaluation_runs` says why they were left; the next run asks about them again."
        seen.append(Observation("coverage", day.metric, day.day, figures, sentence, look_at))
    return seen


def undecided(days: Sequence[MetricDay], limit: float) -> list[Observation]:
    """Judged conversations that do not tell."""
    look_at = "`metrics preview {metric}` shows some: the definition may ask what transcripts do not say."
    return _shares("undecided", days, lambda day: day.undecided_count, limit, "are undecided", look_at)


def errors(days: Sequence[MetricDay], limit: float) -> list[Observation]:
    """Judged conversations about which no answer could be had."""
    look_at = "The column `detail` of `fct_verdicts` says of each which kind of error it is."
    return _shares("errors", days, lambda day: day.error_count, limit, "are in error", look_at)


def evidence(days: Sequence[MetricDay], limit: float) -> list[Observation]:
    """Judged conversations whose verdict quotes what was not said."""
    look_at = "`metrics preview {metric}` shows some: the judge may be too weak, or the definition asks for no quote."
    return _shares(
        "evidence", days, lambda day: day.evidence_failed_count, limit, "quote what the turn does not say", look_at
    )


def _shares(
    check: str,
    days: Sequence[MetricDay],
    count: Callable[[MetricDay], int],
    limit: float,
    says: str,
    look_at: str,
) -> list[Observation]:
    levels = _levels(days, lambda day: at_least(day.judged_count, day.judged_count, limit), FALSE_ALARMS)
    seen = []
    for day in days:
        found = count(day)
        probability = at_least(found, day.judged_count, limit)
        sentence = ""
        if found and probability <= levels[day.day]:
            sentence = (
                f"{day.metric} on {day.day}: {found:,} of {counted(day.judged_count, 'judged conversation')} "
                f"({_share(found, day.judged_count)}) {says}; the limit is {limit:.0%}."
            )
        figures = _figures(found, day.judged_count, limit)
        advice = look_at.format(metric=day.metric) if sentence else ""
        seen.append(Observation(check, day.metric, day.day, figures, sentence, advice))
    return seen


def classes(labels: Sequence[LabelDay], days: Sequence[date], chance: float) -> list[Observation]:
    """Answers that nobody gave on a day and many gave before, or the other way round.

    Args:
        labels: Of `days`, and of the days before them.
        chance: Of a false alarm a day, over all answers of all metrics.
    """
    before = _pooled(
        labels, days, lambda day: (day.metric, day.label), lambda day: (day.label_count, day.answered_count)
    )
    examined = [day for day in labels if day in before]
    levels: dict[date, float] = {}
    for day in days:
        least = []
        for label in examined:
            if label.day == day:
                earlier, earlier_of = before[label]
                marked, together = label.label_count + earlier, label.answered_count
                # The most extreme that could have come: none of them on the day, and all of them on the day.
                least += [
                    exactly_of(at, together, marked - at, earlier_of)
                    for at in (0, marked)
                    if 0 <= at <= together and 0 <= marked - at <= earlier_of
                ]
        levels[day] = level_of_each(least, chance)
    seen = []
    for label in examined:
        earlier, earlier_of = before[label]
        figures: dict[str, Figure] = {
            "label": label.label,
            **_figures(label.label_count, label.answered_count),
            "before_count": earlier,
            "before_of": earlier_of,
        }
        sentence = look_at = ""
        is_gone, is_new = earlier > 0 and label.label_count == 0, earlier == 0 and label.label_count > 0
        if (is_gone or is_new) and label.answered_count and earlier_of:
            probability = exactly_of(label.label_count, label.answered_count, earlier, earlier_of)
            if probability <= levels[label.day]:
                now, then = f"{label.label_count:,} of {label.answered_count:,}", f"{earlier:,} of {earlier_of:,}"
                of = (label.label_count, label.answered_count) if is_new else (earlier, earlier_of)
                what = "appeared" if is_new else "vanished"
                sentence = (
                    f"{label.metric} on {label.day}: the answer {label.label} {what}: {now}, after {then} on the "
                    f"{BEFORE_DAYS} days before ({_share(*of)}; by chance {_odds(probability)})."
                )
                look_at = "Look for a change of the agent, of its callers, or of the model behind the judge's name."
        seen.append(Observation("classes", label.metric, label.day, figures, sentence, look_at))
    return seen


def agreement(pairs: Sequence[PairDay], days: Sequence[date], chance: float) -> list[Observation]:
    """Judge, baseline and log say otherwise of more conversations than on the days before.

    Args:
        pairs: Of `days`, and of the days before them.
        chance: Of a false alarm a day, over all metrics and pairs of sources.
    """
    before = _pooled(
        pairs, days, lambda day: (day.metric, day.one, day.other), lambda day: (day.differing_count, day.pair_count)
    )
    examined = [day for day in pairs if day in before]

    def least(pair: PairDay) -> float:
        earlier, earlier_of = before[pair]
        most = min(pair.differing_count + earlier, pair.pair_count)
        return at_least_of(most, pair.pair_count, pair.differing_count + earlier - most, earlier_of)

    levels = _levels(examined, least, chance)
    seen = []
    for pair in examined:
        earlier, earlier_of = before[pair]
        figures = {
            "sources": f"{pair.one} and {pair.other}",
            **_figures(pair.differing_count, pair.pair_count),
            "before_count": earlier,
            "before_of": earlier_of,
        }
        probability = at_least_of(pair.differing_count, pair.pair_count, earlier, earlier_of) if earlier_of else 1.0
        sentence = look_at = ""
        if pair.differing_count and probability <= levels[pair.day]:
            sentence = (
                f"{pair.metric} on {pair.day}: {pair.one} and {pair.other} differ on {pair.differing_count:,} of "
                f"{counted(pair.pair_count, 'conversation')} ({_share(pair.differing_count, pair.pair_count)}), after "
                f"{earlier:,} of {earlier_of:,} ({_share(earlier, earlier_of)}) on the {BEFORE_DAYS} days before "
                f"(by chance {_odds(probability)})."
            )
            look_at = "Either what is logged changed its meaning, or a judge reads otherwise than before."
        seen.append(Observation("agreement", pair.metric, pair.day, figures, sentence, look_at))
    return seen


def volume(volumes: Mapping[date, int], days: Iterable[date], limit: float) -> list[Observation]:
    """Conversations of a day against the same weekday before: how many spreads it lies off their median.

    The spread is robust (the median absolute deviation), and never less than that of mere counting (the root of the
    median). Where a weekday has not come four times before, nothing is said.
    """
    if not volumes:
        return []
    oldest, seen = min(volumes), []
    for day in days:
        earlier = [day - timedelta(weeks=back) for back in range(1, WEEKS + 1)]
        usual = [volumes.get(same, 0) for same in earlier if same >= oldest]
        found = volumes.get(day, 0)
        if len(usual) < FEWEST_WEEKS:
            seen.append(Observation("volume", None, day, {"count": found, "weeks": len(usual)}))
            continue
        middle = median(usual)
        spread = max(MAD_TO_DEVIATION * median(abs(count - middle) for count in usual), sqrt(middle), 1.0)
        off = (found - middle) / spread
        sentence = look_at = ""
        if abs(off) > limit:
            sentence = (
                f"{day} ({day:%A}): {counted(found, 'conversation')}, where the {len(usual)} same weekdays before had "
                f"{middle:,.0f} at the median, give or take {spread:,.0f}: {abs(off):.1f} spreads "
                f"{'more' if off > 0 else 'fewer'}; the limit is {limit:g}."
            )
            look_at = "`metrics ingest status` says which files came; fetch or land what is missing."
        figures = {"count": found, "weeks": len(usual), "median": middle, "spread": spread, "spreads_off": off}
        seen.append(Observation("volume", None, day, figures, sentence, look_at))
    return seen


def freshness(newest_at: datetime | None, now: datetime, limit: float) -> list[Observation]:
    """How long ago the newest conversation began, in hours."""
    if newest_at is None:
        return []
    hours = (now - newest_at).total_seconds() / 3600
    figures = {"hours": hours, "limit": limit}
    if hours <= limit:
        return [Observation("freshness", None, None, figures)]
    sentence = (
        f"The newest conversation began {newest_at:%Y-%m-%d %H:%M} UTC, {hours:,.0f} hours ago; the limit is {limit:g}."
    )
    look_at = "Fetch or land newer ones: `metrics pull`, or look at who puts exports into the landing folder."
    return [Observation("freshness", None, None, figures, sentence, look_at)]


def quarantine(read_count: int, quarantined_count: int, day_count: int, limit: float) -> list[Observation]:
    """Of what landed lately, what could not be read.

    Args:
        read_count: Places that were read in files that landed in the last `day_count` days.
    """
    figures = _figures(quarantined_count, read_count, limit)
    if not quarantined_count or at_least(quarantined_count, read_count, limit) > FALSE_ALARMS:
        return [Observation("quarantine", None, None, figures)]
    sentence = (
        f"Of {counted(read_count, 'place')} in files that landed in the last {counted(day_count, 'day')} "
        f"{quarantined_count:,} ({_share(quarantined_count, read_count)}) could not be read; the limit is {limit:.0%}."
    )
    look_at = "`metrics quarantine list` names each with its reason."
    return [Observation("quarantine", None, None, figures, sentence, look_at)]


class _OfADay(Protocol):
    @property
    def metric(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def segment(self) -> int: ...


Dated = TypeVar("Dated", bound=_OfADay)


def _levels(days: Iterable[Dated], least: Callable[[Dated], float], chance: float) -> dict[date, float]:
    """For each day the level at which each of its tests is held."""
    of_day: dict[date, list[float]] = defaultdict(list)
    for day in days:
        of_day[day.day].append(least(day))
    return {day: level_of_each(found, chance) for day, found in of_day.items()}


def _pooled(
    rows: Iterable[Dated],
    days: Sequence[date],
    same: Callable[[Dated], tuple[str, ...]],
    counts: Callable[[Dated], tuple[int, int]],
) -> dict[Dated, tuple[int, int]]:
    """For each row of `days`: what its like came to on the days before, under the same version and judge."""
    alike: dict[tuple[str, ...], list[Dated]] = defaultdict(list)
    for row in rows:
        alike[same(row)].append(row)
    pooled: dict[Dated, tuple[int, int]] = {}
    for found in alike.values():
        for row in found:
            if row.day in days:
                since = row.day - timedelta(days=BEFORE_DAYS)
                earlier = [counts(one) for one in found if since <= one.day < row.day and one.segment == row.segment]
                pooled[row] = sum(one for one, _ in earlier), sum(of for _, of in earlier)
    return pooled


def _figures(count: int, of: int, limit: float | None = None) -> dict[str, Figure]:
    low, high = wilson_interval(count, of) or (None, None)
    found: dict[str, Figure] = {"count": count, "of": of, "share": count / of if of else None, "low": low, "high": high}
    return found if limit is None else found | {"limit": limit}


def _share(count: int, of: int) -> str:
    low, high = wilson_interval(count, of) or (0.0, 1.0)
    return f"{count / of:.1%}, {low:.1%} to {high:.1%}" if of else "none"


def _odds(probability: float) -> str:
    """`1 in 2,000`; what is rarer than one in a million is said so."""
    return "less than 1 in a million" if probability < 1e-6 else f"1 in {1 / probability:,.0f}"
