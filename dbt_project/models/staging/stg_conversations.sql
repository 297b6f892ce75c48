-- One row per finished conversation.
select *
from read_parquet('conversations/*.parquet', hive_partitioning = false)
