-- One row per conversation, metric, source, version and judge, of every version and judge that judged its day.
select
    * exclude (reason, evidence),
    len(evidence)::integer as evidence_count,
    coalesce(judge_fingerprint, '') as judge_key
from read_parquet('verdicts/*/*.parquet', hive_partitioning = false)
