-- One row per metric and version that was ever put to work.
select *
from read_parquet('metric_versions/*.parquet', hive_partitioning = false)
