-- One row per conversation, logged name and position.
select
    logged.conversation_id,
    conversations.conversation_date,
    logged.metric,
    logged.position,
    logged.value,
    logged.value_type,
    logged.kind,
    logged.source,
    logged.logged_at,
    logged.turn_index
from {{ ref('stg_logged_metrics') }} as logged
inner join {{ ref('stg_conversations') }} as conversations
    on logged.conversation_id = conversations.conversation_id
