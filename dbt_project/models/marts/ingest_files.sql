-- One row per export file that landed.
select
    file_hash,
    file,
    source,
    bytes,
    read_count,
    kept_count,
    duplicate_count,
    waiting_count,
    quarantined_count,
    quarantined_by_reason,
    seconds,
    pull
from {{ ref('stg_ingest_files') }}
