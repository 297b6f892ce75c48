-- One row per value that the agent's functions or platform logged, in the order of writing.
select *
from read_parquet('logged_metrics/*.parquet', hive_partitioning = false)
