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
    erased_count,
    quarantined_by_reason,
    redaction,
    redaction_count,
    redactions_by_kind,
    not_understood_count,
    not_understood_by_kind,
    seconds,
    pull
from {{ ref('stg_ingest_files') }}
