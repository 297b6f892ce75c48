"""`metrics audit`: is what is published as it should be?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from metrics_pipeline.errors import PipelineError
from metrics_pipeline.wording import counted


def audit(as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> None:
    """Look through what is published, and change nothing: whole files, counts, and the checks of every night.

    Exit code 1 where a file is not as it was published, or a check that blocks finds something. A count that the data
    folder has outgrown since is said, and is none of both.

    \b
    Example:
        metrics audit --json
    """
    from metrics_pipeline.data_folder import data_folder_to_read
    from metrics_pipeline.health import finding
    from metrics_pipeline.health.examining import audit_published
    from metrics_pipeline.pipeline import now
    from metrics_pipeline.settings import load_settings
    from metrics_pipeline.terminal import console, print_findings

    settings = load_settings()
    found = audit_published(data_folder_to_read(settings.data), settings, now())
    outgrown = [f"{count}. `metrics run` publishes anew." for count in found.counts if not count.is_passed]
    wrong = [*found.damaged, *(str(one) for one in found.findings if one.severity == "block")]
    if as_json:
        print(
            json.dumps(
                {
                    "generation": found.generation,
                    "files": found.file_count,
                    "damaged": found.damaged,
                    "counts": [count._asdict() for count in found.counts],
                    "outgrown": outgrown,
                    "findings": [finding.as_json(one) for one in found.findings],
                },
                indent=2,
            )
        )
    else:
        out = console()
        for sentence in found.damaged:
            out.print(f"damaged    {sentence}", soft_wrap=True)
        if not found.damaged:
            out.print(f"whole      {counted(found.file_count, 'file')}, each as its hash in the manifest says")
        for count in found.counts:
            if count.is_passed:
                out.print(f"agrees     {count.what}: {count.found:,}")
        for sentence in outgrown:
            out.print(f"outgrown   {sentence}", soft_wrap=True)
        print_findings(out, found.findings)
        out.print(f"audited    {found.generation}: {counted(len(found.findings), 'finding')}")
    if wrong:
        raise PipelineError(f"{found.generation} is not as it should be: see above.")
