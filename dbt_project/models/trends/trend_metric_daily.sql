-- One row per metric and day with conversations.
with counts as (
    select
        *,
        case
            when unjudged_count = not_sampled_count then 'complete'
            when was_complete then 'reopened'
            else 'open'
        end as day_status,
        metric_version || judge_fingerprint as in_force
    from {{ ref('int_metric_daily_counts') }}
),

compared as (
    select
        *,
        lag(metric_version ignore nulls) over by_metric as version_before,
        lag(judge_fingerprint ignore nulls) over by_metric as judge_before
    from counts
    window by_metric as (partition by metric order by conversation_date)
),

marked as (
    select
        *,
        coalesce(metric_version != version_before, false) as is_definition_break,
        coalesce(judge_fingerprint != judge_before, false) as is_judge_break
    from compared
),

segmented as (
    select
        *,
        is_definition_break or is_judge_break as is_break,
        count(*) filter (where is_definition_break or is_judge_break) over (
            partition by metric
            order by conversation_date
        ) as segment
    from marked
),

rolled as (
    select
        *,
        sum(rate_numerator) filter (where day_status = 'complete') over week as numerator_7d,
        sum(rate_denominator) filter (where day_status = 'complete') over week as denominator_7d,
        sum(rate_numerator) filter (where day_status = 'complete') over month as numerator_28d,
        sum(rate_denominator) filter (where day_status = 'complete') over month as denominator_28d
    from segmented
    window
        week as (
            partition by metric, segment
            order by conversation_date
            range between interval 6 days preceding and current row
        ),
        month as (
            partition by metric, segment
            order by conversation_date
            range between interval 27 days preceding and current row
        )
),

settled as (
    select
        *,
        undecided_count + error_count + unjudged_count - not_sampled_count as without_answer,
        case when day_status = 'complete' then numerator_7d end::bigint as k7,
        case when day_status = 'complete' then denominator_7d end::bigint as n7,
        case when day_status = 'complete' then numerator_28d end::bigint as k28,
        case when day_status = 'complete' then denominator_28d end::bigint as n28
    from rolled
)

select
    metric,
    conversation_date,
    metric_version,
    judge_kind,
    judge,
    day_status,
    conversation_count,
    success_count,
    partial_count,
    failure_count,
    neutral_count,
    not_applicable_count,
    gated_count,
    undecided_count,
    evidence_failed_count,
    error_count,
    unjudged_count,
    not_sampled_count,
    rate_of,
    rate_numerator,
    rate_denominator,
    good_direction,
    rate_numerator / nullif(rate_denominator, 0) as rate,
    {{ wilson_bound('rate_numerator', 'rate_denominator', '-') }} as rate_low,
    {{ wilson_bound('rate_numerator', 'rate_denominator', '+') }} as rate_high,
    rate_denominator < {{ rate_floor() }} as is_too_few,
    k7 as rate_7d_numerator,
    n7 as rate_7d_denominator,
    k7 / nullif(n7, 0) as rate_7d,
    {{ wilson_bound('k7', 'n7', '-') }} as rate_7d_low,
    {{ wilson_bound('k7', 'n7', '+') }} as rate_7d_high,
    n7 < {{ rate_floor() }} as is_too_few_7d,
    k28 as rate_28d_numerator,
    n28 as rate_28d_denominator,
    k28 / nullif(n28, 0) as rate_28d,
    {{ wilson_bound('k28', 'n28', '-') }} as rate_28d_low,
    {{ wilson_bound('k28', 'n28', '+') }} as rate_28d_high,
    n28 < {{ rate_floor() }} as is_too_few_28d,
    rate_numerator / nullif(rate_denominator + without_answer, 0) as rate_if_missing_fail,
    (rate_numerator + without_answer) / nullif(rate_denominator + without_answer, 0) as rate_if_missing_succeed,
    is_break,
    case
        when is_definition_break and is_judge_break then 'definition and judge'
        when is_definition_break then 'definition'
        when is_judge_break then 'judge'
    end as break_reason
from settled
