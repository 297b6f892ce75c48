{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_daily'}}}) }}
-- A trend row's counts are those of the facts under it.
with facts as (
    select
        metric,
        conversation_date,
        count(*) filter (where state = 'answered') as answered_count,
        count(*) as verdict_count
    from {{ ref('fct_verdicts') }}
    where is_primary
    group by metric, conversation_date
)

select
    coalesce(trend.metric, facts.metric) as metric,
    coalesce(trend.conversation_date, facts.conversation_date) as conversation_date
from {{ ref('trend_metric_daily') }} as trend
full outer join facts
    on
        trend.metric = facts.metric
        and trend.conversation_date = facts.conversation_date
where
    trend.metric is null
    or trend.success_count + trend.partial_count + trend.failure_count + trend.neutral_count
    != coalesce(facts.answered_count, 0)
    or trend.conversation_count - trend.unjudged_count != coalesce(facts.verdict_count, 0)
