-- One row per metric and day: its conversations counted by what their primary verdict came to.
with counts as (
    select
        metric,
        conversation_date,
        count(*) as verdict_count,
        count(*) filter (where outcome = 'success') as success_count,
        count(*) filter (where outcome = 'partial') as partial_count,
        count(*) filter (where outcome = 'failure') as failure_count,
        count(*) filter (where outcome = 'neutral') as neutral_count,
        count(*) filter (where answer = 'true') as true_count,
        count(*) filter (where state = 'not_applicable') as not_applicable_count,
        count(*) filter (where detail = 'gated') as gated_count,
        count(*) filter (where state = 'undecided') as undecided_count,
        count(*) filter (where detail = 'evidence_failed') as evidence_failed_count,
        count(*) filter (where state = 'error') as error_count
    from {{ ref('fct_verdicts') }}
    where is_primary
    group by metric, conversation_date
),

unsampled as (
    -- The same draw as in sampling.py: the first 32 bits of MD5 over metric and conversation.
    select
        metrics.metric,
        conversations.conversation_date,
        count(*) as unsampled_count
    from {{ ref('stg_metrics') }} as metrics
    cross join {{ ref('stg_conversations') }} as conversations
    left join {{ ref('fct_verdicts') }} as verdicts
        on
            metrics.metric = verdicts.metric
            and conversations.conversation_id = verdicts.conversation_id
            and verdicts.is_primary
    where
        metrics.sample is not null
        and metrics.primary_source = 'judged'
        and verdicts.metric is null
        and ('0x' || left(md5(metrics.metric || ':' || conversations.conversation_id), 8))::ubigint / 4294967296.0
        >= metrics.sample
    group by metrics.metric, conversations.conversation_date
)

select
    days.*,
    coalesce(counts.success_count, 0) as success_count,
    coalesce(counts.partial_count, 0) as partial_count,
    coalesce(counts.failure_count, 0) as failure_count,
    coalesce(counts.neutral_count, 0) as neutral_count,
    coalesce(counts.true_count, 0) as true_count,
    coalesce(counts.not_applicable_count, 0) as not_applicable_count,
    coalesce(counts.gated_count, 0) as gated_count,
    coalesce(counts.undecided_count, 0) as undecided_count,
    coalesce(counts.evidence_failed_count, 0) as evidence_failed_count,
    coalesce(counts.error_count, 0) as error_count,
    days.conversation_count - coalesce(counts.verdict_count, 0) as unjudged_count,
    -- A day that was judged whole stays whole when the share is raised later.
    case
        when days.sample is not null and days.was_complete
            then days.conversation_count - coalesce(counts.verdict_count, 0)
        else coalesce(unsampled.unsampled_count, 0)
    end as not_sampled_count
from {{ ref('int_metric_days') }} as days
left join counts
    on
        days.metric = counts.metric
        and days.conversation_date = counts.conversation_date
left join unsampled
    on
        days.metric = unsampled.metric
        and days.conversation_date = unsampled.conversation_date
