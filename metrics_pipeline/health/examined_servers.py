"""Who is asked over a network: models, with one token each, the platform, with one conversation, and their clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from metrics_pipeline.conversations.conversations_api import CallLimits, ConversationsApi, Source, Span
from metrics_pipeline.errors import JudgeClosedError, JudgeError, JudgeRefusedError, PipelineError, PullError
from metrics_pipeline.evaluation.judge import Judge, JudgeReply, JudgeRequest, RemoteJudge
from metrics_pipeline.evaluation.judges import open_known_judges
from metrics_pipeline.health.examined import Examined
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import BASELINE, Settings

ONE_TOKEN = JudgeRequest(
    turns=(),
    metrics=(),
    messages=({"role": "system", "content": "Answer in one word."}, {"role": "user", "content": "Are you there?"}),
    reply_schema={
        "type": "object",
        "properties": {"there": {"type": "boolean"}},
        "required": ["there"],
        "additionalProperties": False,
    },
    max_reply_tokens=1,
)
"""What a model is asked: whatever it says shows that it is there."""
PATIENCE_SECONDS = 15.0
SKEW = timedelta(seconds=30)
PULL_NEEDS = ("pull_url", "pull_account", "pull_project", "pull_token")


def models(settings: Settings, offline: bool) -> Iterator[Examined]:
    """Whether the judge in use, the second one, and those that metrics name answer."""
    try:
        catalog = load_catalog(settings.definitions)
        second = {settings.second_model} if settings.second_model else set()
        second |= {metric.second_judge.model for metric in catalog.active if metric.second_judge}
        metrics = catalog.active
    except PipelineError:
        # Said before.
        metrics, second = (), {settings.second_model} if settings.second_model else set()
    try:
        judges = open_known_judges(settings, metrics).all
        seconds = [open_known_judges(settings.model_copy(update={"model": name})).current for name in sorted(second)]
    except PipelineError as error:
        yield Examined("model", "fail", str(error), "Correct METRICS_MODEL, METRICS_SECOND_MODEL or the definition.")
        return
    for role, asked in (("model", judges), ("second model", seconds)):
        for judge in asked:
            yield _model(role, judge, settings, offline)


def _model(role: str, judge: Judge, settings: Settings, offline: bool) -> Examined:
    if not isinstance(judge, RemoteJudge):
        what = "the built-in baseline: it compares words" if judge.name == BASELINE else judge.name
        return Examined(role, "ok", f"{what}, and asks nobody")
    if offline:
        return Examined(role, "ok", f"{judge.name}, not asked")
    try:
        reply = asyncio.run(_ask(judge, min(settings.call_timeout_seconds, PATIENCE_SECONDS)))
    except JudgeClosedError as error:
        return Examined(role, "fail", str(error), "")
    except JudgeRefusedError:
        return Examined(
            role, "warn", f"{judge.name} is there, and refuses so short a question", "See a night's errors."
        )
    except (JudgeError, TimeoutError) as error:
        why = str(error) or f"no reply within {PATIENCE_SECONDS:.0f} s"
        return Examined(
            role, "fail", f"{judge.name}: {why}", "See whether its server runs and METRICS_API_BASE is right."
        )
    served = f", served by {reply.model_served}" if reply.model_served else ""
    return Examined(role, "ok", f"an answer from {judge.name}{served}")


async def _ask(judge: Judge, seconds: float) -> JudgeReply:
    try:
        return await asyncio.wait_for(judge.ask(ONE_TOKEN), seconds)
    finally:
        if isinstance(judge, RemoteJudge):
            await judge.close()


def platform(settings: Settings, now: datetime, offline: bool) -> Iterator[Examined]:
    """Whether the Conversations API to pull from answers with these settings."""
    given = [name for name in PULL_NEEDS if getattr(settings, name)]
    if not given:
        return
    if missing := [f"METRICS_{name.upper()}" for name in PULL_NEEDS if name not in given]:
        yield Examined("pull", "fail", f"{', '.join(missing)} not set", "Set what is missing, or unset the others.")
        return
    url, account, project, token = (getattr(settings, name) for name in PULL_NEEDS)
    source = Source(url, account, project, token)
    if offline:
        yield Examined("pull", "ok", f"{source.name}, not asked")
        return
    try:
        asyncio.run(_page(source, settings, now))
    except PullError as error:
        yield Examined("pull", "fail", str(error), "Correct METRICS_PULL_URL, its account, project or token.")
    else:
        yield Examined("pull", "ok", f"there is an answer from {source.name}")


async def _page(source: Source, settings: Settings, now: datetime) -> None:
    seconds = min(settings.call_timeout_seconds, PATIENCE_SECONDS)
    async with ConversationsApi(source, CallLimits(seconds, seconds, 0, 1), lambda: now) as api:
        await api.page(Span(now - timedelta(minutes=1), now))


def clock_of_servers(settings: Settings, now: datetime, offline: bool) -> Iterator[Examined]:
    """Whether a server that is asked anyway has another clock: by its header Date, without a key."""
    if offline:
        return
    for address in dict.fromkeys(filter(None, (settings.pull_url, settings.api_base))):
        server = httpx.URL(address)
        try:
            said = httpx.head(server.copy_with(path="/", userinfo=b"", query=None), timeout=PATIENCE_SECONDS)
            at = parsedate_to_datetime(said.headers.get("date", ""))
        except (httpx.HTTPError, ValueError):
            continue
        skew = at.astimezone(UTC) - datetime.now(UTC)
        if abs(skew) > SKEW:
            seconds = abs(skew.total_seconds())
            way = "ahead of" if skew > timedelta(0) else "behind"
            yield Examined(
                "clock",
                "warn",
                f"{server.host} is {seconds:,.0f} s {way} this machine",
                "Have this one keep time by NTP.",
            )
        else:
            yield Examined("clock", "ok", f"{server.host} agrees")
