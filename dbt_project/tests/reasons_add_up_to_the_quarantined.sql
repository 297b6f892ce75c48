-- Of each export file, every place in quarantine has one reason.
select file
from {{ ref('ingest_files') }}
where
    quarantined_count
    != coalesce(list_sum(map_values(cast(cast(quarantined_by_reason as json) as map (varchar, integer)))), 0)
