{{ config(meta={'dagster': {'ref': {'name': 'trend_logged_daily'}}}) }}
-- Of a logged name and day, the values are as many as the facts hold; no more conversations log one than the name.
with facts as (
    select
        metric,
        conversation_date,
        count(distinct conversation_id) as logged_count,
        count(distinct coalesce(nullif(value, ''), '(none)')) as value_count
    from {{ ref('fct_logged_metrics') }}
    group by metric, conversation_date
),

trend as (
    select
        metric,
        conversation_date,
        min(logged_count) as logged_count,
        max(logged_count) as most_logged_count,
        sum(value_count) as value_count,
        max(conversation_count) as conversation_count,
        sum(conversation_count) as summed_count,
        min(day_conversation_count) as day_conversation_count
    from {{ ref('trend_logged_daily') }}
    group by metric, conversation_date
)

select
    coalesce(facts.metric, trend.metric) as metric,
    coalesce(facts.conversation_date, trend.conversation_date) as conversation_date
from facts
full outer join trend
    on
        facts.metric = trend.metric
        and facts.conversation_date = trend.conversation_date
where
    facts.metric is null
    or trend.metric is null
    or facts.logged_count != trend.logged_count
    or facts.logged_count != trend.most_logged_count
    or facts.value_count != trend.value_count
    or trend.conversation_count > trend.logged_count
    or trend.summed_count < trend.logged_count
    or trend.logged_count > trend.day_conversation_count
