-- One row per metric and day: its conversations counted by what their primary verdict came to.
with counts as (
    select
        metric,
        conversation_date,
        sum(success_count)::bigint as success_count,
        sum(partial_count)::bigint as partial_count,
        sum(failure_count)::bigint as failure_count,
        sum(neutral_count)::bigint as neutral_count,
        sum(not_applicable_count)::bigint as not_applicable_count,
        sum(gated_count)::bigint as gated_count,
        sum(undecided_count)::bigint as undecided_count,
        sum(evidence_failed_count)::bigint as evidence_failed_count,
        sum(error_count)::bigint as error_count,
        sum(unjudged_count)::bigint as unjudged_count,
        sum(not_sampled_count)::bigint as not_sampled_count,
        sum(rate_numerator)::bigint as rate_numerator,
        sum(rate_denominator)::bigint as rate_denominator
    from {{ ref('int_metric_profile_counts') }}
    group by metric, conversation_date
)

select
    days.*,
    counts.* exclude (metric, conversation_date)
from {{ ref('int_metric_days') }} as days
inner join counts
    on
        days.metric = counts.metric
        and days.conversation_date = counts.conversation_date
