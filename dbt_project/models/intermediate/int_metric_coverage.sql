-- One row per metric with a day of its own: on how many days it was judged, and how often judge and log say the same.
with days as (
    select
        metric,
        count(*) as day_count,
        count(*) filter (where unjudged_count = not_sampled_count) as judged_day_count,
        min(conversation_date) filter (where unjudged_count < conversation_count) as first_day,
        max(conversation_date) filter (where unjudged_count < conversation_count) as last_day
    from {{ ref('int_metric_daily_counts') }}
    group by metric
),

runs as (
    select
        metric,
        max(judged_at) as last_judged_at
    from {{ ref('fct_verdicts') }}
    group by metric
),

pairs as (
    select
        judged.metric,
        judged.answer as judged_answer,
        logged.answer as logged_answer
    from {{ ref('fct_verdicts') }} as judged
    inner join {{ ref('fct_verdicts') }} as logged
        on
            judged.conversation_id = logged.conversation_id
            and judged.metric = logged.metric
    where
        judged.source = 'judged'
        and logged.source = 'logged'
        and judged.answer is not null
        and logged.answer is not null
),

compared as (
    select
        metric,
        count(*) as compared_count,
        avg((judged_answer = logged_answer)::double) as agreement_share
    from pairs
    group by metric
),

-- How often chance alone would agree, from how often each of the two gives each answer.
given as (
    select
        metric,
        judged_answer as answer,
        1 as judged_count,
        0 as logged_count
    from pairs
    union all
    select
        metric,
        logged_answer as answer,
        0 as judged_count,
        1 as logged_count
    from pairs
),

answers as (
    select
        metric,
        answer,
        sum(judged_count)::double as judged_count,
        sum(logged_count)::double as logged_count
    from given
    group by metric, answer
),

chance as (
    select
        metric,
        sum(judged_count * logged_count) / (sum(judged_count) * sum(logged_count)) as chance_share
    from answers
    group by metric
)

select
    days.*,
    runs.last_judged_at,
    coalesce(compared.compared_count, 0) as compared_count,
    compared.agreement_share,
    case
        when chance.chance_share < 1 then (compared.agreement_share - chance.chance_share) / (1 - chance.chance_share)
    end as agreement_kappa
from days
left join runs on days.metric = runs.metric
left join compared on days.metric = compared.metric
left join chance on days.metric = chance.metric
