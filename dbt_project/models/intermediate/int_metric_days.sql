-- One row per metric and day: each active metric on each day with conversations, a retired one where it was judged.
with days as (
    select
        conversation_date,
        count(*) as conversation_count
    from {{ ref('stg_conversations') }}
    group by conversation_date
),

in_force as (
    select *
    from {{ ref('stg_metric_days') }}
    where in_force
)

select
    metrics.metric,
    days.conversation_date,
    days.conversation_count,
    metrics.primary_source,
    metrics.rate_of,
    metrics.good_direction,
    metrics.sample,
    in_force.metric_version,
    in_force.judge_fingerprint,
    in_force.judge_kind,
    in_force.judge,
    coalesce(in_force.is_complete, false) as was_complete
from {{ ref('stg_metrics') }} as metrics
cross join days
left join in_force
    on
        metrics.metric = in_force.metric
        and days.conversation_date = in_force.conversation_date
where
    metrics.status = 'active'
    or (metrics.status = 'retired' and in_force.metric is not null)
