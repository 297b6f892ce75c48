-- One row per run, metric, version and judge. Files are never written anew, so older ones may lack a column.
select *
from read_parquet('evaluation_runs/*.parquet', hive_partitioning = false, union_by_name = true)
