-- Of each export file, everything that was read is kept, a duplicate, waiting, in quarantine or erased.
select file
from {{ ref('ingest_files') }}
where read_count != kept_count + duplicate_count + waiting_count + quarantined_count + erased_count
