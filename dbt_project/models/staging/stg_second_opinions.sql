-- One row per conversation, metric, version, first and second judge: both verdicts, without their words.
select * exclude (second_reason, second_evidence)
from read_parquet('second_opinions/*.parquet', hive_partitioning = false)
