-- One row per metric that is defined now.
select *
from read_parquet('metrics/*.parquet', hive_partitioning = false, union_by_name = true)
