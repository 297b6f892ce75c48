-- One row per finished conversation, with everything logged and judged about it in two maps.
with logged as (
    select
        conversation_id,
        metric as name,
        list(value order by position) as answers
    from {{ ref('stg_logged_metrics') }}
    group by conversation_id, metric
),

logged_names as (
    select distinct name from logged
),

prefixes as (
    -- As often as it takes: what an agent logs may be called anything.
    select repeat('judged:', unnest(range(2 + count(*) filter (where name like 'judged:%')))) as prefix
    from logged_names
),

metric_keys as (
    -- A logged name keeps its key; a judged metric of the same name stands beside it.
    select
        metrics.metric,
        min_by(prefixes.prefix, length(prefixes.prefix)) || metrics.metric as name
    from {{ ref('stg_metrics') }} as metrics
    cross join prefixes
    where prefixes.prefix || metrics.metric not in (select logged_names.name from logged_names)
    group by metrics.metric
),

primaries as (
    select
        conversation_id,
        metric,
        state,
        coalesce(answer, answer_number::varchar) as answer
    from {{ ref('fct_verdicts') }}
    where is_primary
),

named as (
    select
        conversation_id,
        name,
        answers
    from logged
    union all
    select
        primaries.conversation_id,
        metric_keys.name,
        [primaries.answer] as answers
    from primaries
    inner join metric_keys on primaries.metric = metric_keys.metric
    where primaries.state = 'answered'
),

metrics as (
    select
        conversation_id,
        map_from_entries(list(struct_pack(k := name, v := answers) order by name)) as metrics
    from named
    group by conversation_id
),

stated as (
    select
        conversations.conversation_id,
        metric_keys.name,
        coalesce(primaries.state, 'unjudged') as state
    from {{ ref('stg_conversations') }} as conversations
    inner join {{ ref('int_metric_days') }} as days on conversations.conversation_date = days.conversation_date
    inner join metric_keys on days.metric = metric_keys.metric
    left join primaries
        on
            conversations.conversation_id = primaries.conversation_id
            and days.metric = primaries.metric
    where coalesce(primaries.state, 'unjudged') != 'answered'
),

states as (
    select
        conversation_id,
        map_from_entries(list(struct_pack(k := name, v := state) order by name)) as metric_states
    from stated
    group by conversation_id
)

select
    conversations.conversation_id,
    conversations.conversation_date,
    conversations.started_at,
    conversations.duration_seconds,
    conversations.turn_count,
    conversations.channel,
    conversations.language,
    conversations.variant,
    conversations.environment,
    conversations.agent_version,
    conversations.handoff,
    conversations.source,
    coalesce(metrics.metrics, map([]::varchar[], []::varchar[][])) as metrics,
    coalesce(states.metric_states, map([]::varchar[], []::varchar[])) as metric_states
from {{ ref('stg_conversations') }} as conversations
left join metrics on conversations.conversation_id = metrics.conversation_id
left join states on conversations.conversation_id = states.conversation_id
