-- One row per metric, day and profile of its conversations: these counted by what their primary verdict came to.
with profiles as (
    select
        conversation_date,
        profile,
        count(*) as conversation_count
    from {{ ref('int_conversation_profiles') }}
    group by conversation_date, profile
),

counts as (
    select
        verdicts.metric,
        conversations.profile,
        count(*) as verdict_count,
        count(*) filter (where verdicts.outcome = 'success') as success_count,
        count(*) filter (where verdicts.outcome = 'partial') as partial_count,
        count(*) filter (where verdicts.outcome = 'failure') as failure_count,
        count(*) filter (where verdicts.outcome = 'neutral') as neutral_count,
        count(*) filter (where verdicts.answer = 'true') as true_count,
        count(*) filter (where verdicts.state = 'not_applicable') as not_applicable_count,
        count(*) filter (where verdicts.detail = 'gated') as gated_count,
        count(*) filter (where verdicts.state = 'undecided') as undecided_count,
        count(*) filter (where verdicts.detail = 'evidence_failed') as evidence_failed_count,
        count(*) filter (where verdicts.state = 'error') as error_count
    from {{ ref('fct_verdicts') }} as verdicts
    inner join {{ ref('int_conversation_profiles') }} as conversations
        on verdicts.conversation_id = conversations.conversation_id
    where verdicts.is_primary
    group by verdicts.metric, conversations.profile
),

unsampled as (
    -- The same draw as in sampling.py: the first 32 bits of MD5 over metric and conversation.
    select
        metrics.metric,
        conversations.profile,
        count(*) as unsampled_count
    from {{ ref('stg_metrics') }} as metrics
    cross join {{ ref('int_conversation_profiles') }} as conversations
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
    group by metrics.metric, conversations.profile
),

counted as (
    select
        days.metric,
        days.conversation_date,
        profiles.profile,
        profiles.conversation_count,
        days.rate_of,
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
        profiles.conversation_count - coalesce(counts.verdict_count, 0) as unjudged_count,
        -- A day that was judged whole stays whole when the share is raised later.
        case
            when days.sample is not null and days.was_complete
                then profiles.conversation_count - coalesce(counts.verdict_count, 0)
            else coalesce(unsampled.unsampled_count, 0)
        end as not_sampled_count
    from {{ ref('int_metric_days') }} as days
    inner join profiles on days.conversation_date = profiles.conversation_date
    left join counts
        on
            days.metric = counts.metric
            and profiles.profile = counts.profile
    left join unsampled
        on
            days.metric = unsampled.metric
            and profiles.profile = unsampled.profile
)

select
    * exclude (rate_of, true_count),
    case
        when rate_of = 'true' then true_count
        when rate_of = 'success' then success_count
    end as rate_numerator,
    case
        -- A boolean's rate counts answers, whatever they mean; a categorical's counts what has an outcome.
        when rate_of = 'true' then success_count + partial_count + failure_count + neutral_count
        when rate_of = 'success' then success_count + partial_count + failure_count
    end as rate_denominator
from counted
