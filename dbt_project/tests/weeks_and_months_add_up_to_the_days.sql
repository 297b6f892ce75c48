{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_weekly'}}}) }}
{%- set parts = [
    'conversation_count', 'success_count', 'partial_count', 'failure_count', 'neutral_count', 'not_applicable_count',
    'undecided_count', 'error_count', 'unjudged_count', 'not_sampled_count', 'rate_numerator', 'rate_denominator',
] %}
-- Weeks and months hold every complete day once, and no other.
with days as (
    select
        metric,
        count(*) as days_counted,
        {% for part in parts -%}
            sum({{ part }}) as {{ part }},
        {% endfor -%}
        min(conversation_date) as first_day
    from {{ ref('trend_metric_daily') }}
    where day_status = 'complete'
    group by metric
),

periods as (
    {% for model in ['trend_metric_weekly', 'trend_metric_monthly'] -%}
        select
            '{{ model }}' as model,
            metric,
            sum(days_counted) as days_counted,
            {% for part in parts -%}
                sum({{ part }}) as {{ part }},
            {% endfor -%}
            min(first_day) as first_day
        from {{ ref(model) }}
        group by metric
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    periods.model,
    periods.metric
from periods
left join days on periods.metric = days.metric
where
    coalesce(days.days_counted, 0) != periods.days_counted
    or days.first_day is distinct from periods.first_day
    {% for part in parts -%}
        or coalesce(days.{{ part }}, 0) != coalesce(periods.{{ part }}, 0)
    {% endfor %}
