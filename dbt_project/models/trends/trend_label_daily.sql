-- One row per metric, day on which it was judged, and answer of its list; an answer that nobody gave has count 0.
with answered as (
    select
        metric,
        conversation_date,
        answer,
        count(*) as label_count
    from {{ ref('fct_verdicts') }}
    where is_primary and state = 'answered'
    group by metric, conversation_date, answer
),

-- L. A. Goodman, On simultaneous confidence intervals for multinomial proportions, Technometrics 7 (1965): score
-- bounds, the error that all labels are allowed together divided among them.
quantiles as (
    select
        metric,
        {{ normal_quantile('(0.05 / 2 / count(*))') }} as z
    from {{ ref('int_metric_answers') }}
    group by metric
),

labelled as (
    select
        days.metric,
        days.conversation_date,
        days.metric_version,
        answers.answer as label,
        answers.outcome,
        answers.position as label_position,
        quantiles.z,
        coalesce(answered.label_count, 0) as label_count,
        sum(coalesce(answered.label_count, 0)) over (
            partition by days.metric, days.conversation_date
        )::bigint as answered_count
    from {{ ref('int_metric_days') }} as days
    inner join {{ ref('int_metric_answers') }} as answers on days.metric = answers.metric
    inner join quantiles on days.metric = quantiles.metric
    left join answered
        on
            days.metric = answered.metric
            and days.conversation_date = answered.conversation_date
            and answers.answer = answered.answer
    where days.metric_version is not null
)

select
    metric,
    conversation_date,
    metric_version,
    label,
    label_position,
    outcome,
    label_count,
    answered_count,
    label_count / nullif(answered_count, 0) as share,
    {{ wilson_bound('label_count', 'answered_count', '-') }} as share_low,
    {{ wilson_bound('label_count', 'answered_count', '+') }} as share_high,
    {{ wilson_bound('label_count', 'answered_count', '-', 'z') }} as share_joint_low,
    {{ wilson_bound('label_count', 'answered_count', '+', 'z') }} as share_joint_high,
    answered_count < {{ rate_floor() }} as is_too_few
from labelled
