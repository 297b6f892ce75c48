{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_daily'}}}) }}
-- Whatever a trend names stands in the table of metrics, and what a queue names in that of conversations.
with found as (
    {% for model in [
        'trend_metric_weekly', 'trend_metric_monthly', 'trend_metric_daily_by', 'logged_vs_judged',
        'logged_vs_judged_answers', 'logged_vs_judged_conversations',
    ] -%}
        select distinct
            '{{ model }}' as model,
            metric as named
        from {{ ref(model) }}
        where metric not in (select metrics.metric from {{ ref('dim_metrics') }} as metrics)
        union all
    {% endfor -%}
    select
        'logged_vs_judged_conversations' as model,
        conversation_id as named
    from {{ ref('logged_vs_judged_conversations') }}
    where conversation_id not in (select known.conversation_id from {{ ref('dim_conversations') }} as known)
)

select *
from found
