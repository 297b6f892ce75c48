-- One row per run, metric, version and judge.
select *
from read_parquet('evaluation_runs/*.parquet', hive_partitioning = false)
