-- One row per metric, day, version and judge that was ever put to work on that day.
select *
from read_parquet('metric_days/*.parquet', hive_partitioning = false)
