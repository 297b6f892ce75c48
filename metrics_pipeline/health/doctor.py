"""Whether a night would end well: every setting, folder, lock, server and library looked at, one after the other.

Nothing but an empty file for a moment in each folder is written. One request goes to each model unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version
from zoneinfo import ZoneInfo

from packaging.requirements import Requirement

from metrics_pipeline.data_folder import DataFolder, data_folder_to_read
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.health.apprise_library import load_apprise
from metrics_pipeline.health.examined import Examined
from metrics_pipeline.health.examined_folders import clock_of_the_disk, home_is_writable, landing, locks, room, writable
from metrics_pipeline.health.examined_ledger import claims, ledger
from metrics_pipeline.health.examined_servers import clock_of_servers, models, platform
from metrics_pipeline.health.nights import Nights
from metrics_pipeline.health.status import DAEMON_SILENT
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings, dagster_home, unknown_variables
from metrics_pipeline.wording import counted

FAR_ZONES = ("America/New_York", "Asia/Kolkata", "Pacific/Chatham")
"""Where the data of time zones is there at all, these are."""
SHOWN_PACKAGES = ("dagster", "dagster-dbt", "dbt-core", "dbt-duckdb", "duckdb", "litellm")


def examine(settings: Settings, seen: Callable[[], Nights | None], now: datetime, offline: bool) -> Iterator[Examined]:
    """Each thing that was looked at, as soon as it was.

    Args:
        seen: What Dagster's home says.
        offline: Ask no server.
    """
    yield _settings(settings)
    yield from _definitions(settings)
    try:
        folder = data_folder_to_read(settings.data)
    except PipelineError as error:
        yield Examined("data folder", "fail", str(error), "Set METRICS_DATA to a folder that this version made.")
        return
    yield from landing(settings)
    yield from writable(folder)
    yield room(folder)
    yield clock_of_the_disk(folder, now)
    yield from ledger(folder)
    yield from claims(folder)
    yield from locks(folder, settings.run_timeout_seconds, now)
    yield from _dagster(seen, folder, now)
    yield _packages()
    yield _time_zones(settings)
    yield from models(settings, offline)
    yield from platform(settings, now, offline)
    yield from clock_of_servers(settings, now, offline)
    yield from _notify(settings)


def _settings(settings: Settings) -> Examined:
    said = unknown_variables()
    if said:
        return Examined("settings", "warn", f"{said[0].upper()}{said[1:]}.", "Correct the name, or unset it.")
    return Examined("settings", "ok", f"all {len(Settings.model_fields)} can be used; data folder {settings.data}")


def _definitions(settings: Settings) -> Iterator[Examined]:
    try:
        catalog = load_catalog(settings.definitions)
    except PipelineError as error:
        yield Examined("definitions", "fail", str(error), "Set METRICS_DEFINITIONS to the folder of definitions.")
        return
    for problem in catalog.problems:
        yield Examined("definitions", "fail", str(problem), "Correct it: `metrics run` refuses to begin.")
    if not catalog.active:
        yield Examined("definitions", "fail", "no metric is active", "Set the status of one to active.")
    elif not catalog.problems:
        yield Examined("definitions", "ok", counted(len(catalog.active), "active metric"))


def _dagster(seen: Callable[[], Nights | None], folder: DataFolder, now: datetime) -> Iterator[Examined]:
    home = dagster_home(folder.dagster_home)
    if not home.is_absolute():
        yield Examined("dagster home", "fail", f"{home} is not absolute", "Set DAGSTER_HOME to an absolute path.")
        return
    try:
        nights = seen()
    except PipelineError as error:
        yield Examined("dagster home", "fail", str(error), "Correct its permissions.")
        return
    if nights is None:
        yield Examined("dagster home", "ok", "there is none: nights are run by hand, or by something else")
        return
    yield home_is_writable(nights.home)
    if nights.schedule_is_on is not True:
        turned = "was never turned on" if nights.schedule_is_on is None else "was turned off"
        yield Examined("schedule", "warn", f"nightly {turned}", "Turn it on in Dagster, under Automation.")
    elif nights.next_run_at is not None:
        yield Examined("schedule", "ok", f"nightly is on, the next run at {nights.next_run_at:%Y-%m-%d %H:%M} UTC")
    beat = nights.daemon_seen_at
    if beat is not None and now - beat <= DAEMON_SILENT:
        yield Examined("daemon", "ok", f"last heard of at {beat:%H:%M:%S} UTC")
    else:
        last = f"last heard of at {beat:%Y-%m-%d %H:%M} UTC" if beat else "never heard of"
        yield Examined(
            "daemon",
            "fail" if nights.schedule_is_on else "warn",
            last,
            "Start dagster-daemon; without it no night begins.",
        )


def _notify(settings: Settings) -> Iterator[Examined]:
    if not settings.notify_urls:
        return
    apprise = load_apprise()

    addresses = [one.get_secret_value() for one in settings.notify_urls]
    wrong = [number for number, one in enumerate(addresses, start=1) if not apprise.Apprise().add(one)]
    if wrong:
        numbers = ", ".join(map(str, wrong))
        yield Examined("notify", "fail", f"of notify_urls apprise does not understand number {numbers}", "Correct it.")
    else:
        said = f"{counted(len(settings.notify_urls), 'address', 'addresses')} understood; nothing was sent"
        yield Examined("notify", "ok", said)


def _packages() -> Examined:
    wrong = []
    for text in requires("metrics-pipeline") or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            wrong.append(f"{needed.name} is not installed")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} is {found}, not {needed.specifier}")
    if wrong:
        return Examined("packages", "fail", "; ".join(wrong), "Say `make setup`, which installs what was tested.")
    return Examined("packages", "ok", ", ".join(f"{name} {version(name)}" for name in SHOWN_PACKAGES))


def _time_zones(settings: Settings) -> Examined:
    try:
        for name in (settings.timezone, *FAR_ZONES):
            ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return Examined("time zones", "warn", f"the data of {name} is not there", "Install tzdata, by apt or pip.")
    return Examined("time zones", "ok", f"days begin and end in {settings.timezone}")
