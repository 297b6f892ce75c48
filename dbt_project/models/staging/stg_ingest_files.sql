-- One row per export file that landed.
select *
from read_parquet('ingest_files/*.parquet', hive_partitioning = false)
