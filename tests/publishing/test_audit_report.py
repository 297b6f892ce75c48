"""Each kind of test, broken once, keeps what is published, and says which row broke what."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta

import duckdb
import pytest
from published_world import DAYS, NOW, make_world
from test_generation import published_bytes

from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import AuditError
from metrics_pipeline.publishing import warehouse
from metrics_pipeline.publishing.generation import publish

BROKEN = {
    # A key of several columns, in one query over all tables.
    "keys_are_unique": (
        "insert into fct_logged_metrics from fct_logged_metrics limit 1",
        r"keys_are_unique \(1 row: model fct_logged_metrics, row_key c\d+ / \w+ / 0\)",
    ),
    # A key of one column.
    "unique": (
        "insert into export_conversations from export_conversations order by conversation_id limit 1",
        r"unique_export_conversations_conversation_id \(1 row: unique_field c0000, n_records 2\)",
    ),
    # A relation to another table.
    "relationships": (
        "insert into fct_verdicts by name select * replace ('nobody' as conversation_id)"
        " from fct_verdicts where not is_primary limit 1",
        r"relationships_fct_verdicts_conversation_id\w* \(1 row: from_field nobody\)",
    ),
    # A closed list.
    "accepted_values": (
        "update dim_metrics set status = 'unheard of' where metric = 'flag'",
        r"accepted_values_dim_metrics_status\w* \(1 row: value_field unheard of, n_records 1\)",
    ),
    # Truths about several tables or columns.
    "parts": (
        "update trend_metric_daily set success_count = success_count + 1"
        " where metric = 'down' and conversation_date = '2026-09-02'",
        r"parts_add_up_to_conversations \(1 row: metric down, conversation_date 2026-09-02\)",
    ),
    "facts": (
        "delete from fct_verdicts where metric = 'down' and conversation_date = '2026-09-03'",
        r"trend_counts_equal_the_facts \(2 rows: .*metric down, conversation_date 2026-09-03",
    ),
    "intervals": (
        "update trend_metric_daily set rate_low = rate + 0.01 where metric = 'steps' and rate is not null"
        " and conversation_date = '2026-09-01'",
        r"rates_lie_within_their_intervals \(1 row: model trend_metric_daily, metric steps, starts_on 2026-09-01\)",
    ),
    "files": (
        "update ingest_files set kept_count = kept_count + 1",
        r"files_are_accounted_for \(1 row: file [0-9a-f]{32}.json\)",
    ),
    "runs": (
        "update evaluation_runs set planned_count = planned_count + 1 where run_id = 'r3' and metric = 'logged'",
        r"runs_add_up \(1 row: metric logged, run_id r3\)",
    ),
    "cost": (
        "update trend_cost_daily set asked_count = asked_count + 1 where run_date = '2026-09-02'",
        r"trend_cost_equals_the_runs \(1 row: run_date 2026-09-02\)",
    ),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder, *_ = make_world(tmp_path_factory.mktemp("audited") / "data", days=DAYS[:5])
    warehouse.build_marts(folder)
    publish(folder, NOW, 3)
    return folder


def test_each_kind_of_test_that_is_broken_names_its_rows_and_nothing_published_changes(published, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(published.root, root, symlinks=True)
    folder = open_data_folder(root)
    before = published_bytes(folder)
    with duckdb.connect(str(warehouse.database_path(folder))) as built:
        for statement, _ in BROKEN.values():
            assert built.execute(statement).fetchone()[0] > 0, statement

    nodes = warehouse.invoke_nodes("test", folder)

    findings = "; ".join(found for found in map(warehouse._finding, nodes) if found)
    with pytest.raises(AuditError, match=r"audit of the new tables failed: .*What was published before is still read"):
        warehouse.refuse_failures(nodes)
    assert {kind: says for kind, (_, says) in BROKEN.items() if not re.search(says, findings)} == {}, findings
    with pytest.raises(AuditError, match="all parts of the trend.*down on 2026-09-02: "):
        publish(folder, NOW + timedelta(hours=1), 3)
    assert published_bytes(folder) == before
