-- One row per finished conversation.
select
    conversation_id,
    conversation_date,
    started_at,
    duration_seconds,
    turn_count,
    reported_turn_count,
    channel,
    language,
    variant,
    environment,
    agent_version,
    handoff,
    source,
    content_hash,
    redaction,
    attributes
from {{ ref('stg_conversations') }}
