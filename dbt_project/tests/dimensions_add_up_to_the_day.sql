{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_daily_by'}}}) }}
{%- set parts = [
    'conversation_count', 'success_count', 'partial_count', 'failure_count', 'neutral_count', 'not_applicable_count',
    'gated_count', 'undecided_count', 'evidence_failed_count', 'error_count', 'unjudged_count', 'not_sampled_count',
    'rate_numerator', 'rate_denominator',
] %}
-- Of each dimension, the values add up to the day, count by count.
with summed as (
    select
        {% for part in parts -%}
            sum({{ part }}) as {{ part }},
        {% endfor -%}
        metric,
        conversation_date,
        dimension
    from {{ ref('trend_metric_daily_by') }}
    group by metric, conversation_date, dimension
),

expected as (
    select
        days.*,
        dimensions.dimension
    from {{ ref('trend_metric_daily') }} as days
    cross join (select unnest({{ dimensions() }}) as dimension) as dimensions
)

select
    coalesce(expected.metric, summed.metric) as metric,
    coalesce(expected.conversation_date, summed.conversation_date) as conversation_date,
    coalesce(expected.dimension, summed.dimension) as dimension
from expected
full outer join summed
    on
        expected.metric = summed.metric
        and expected.conversation_date = summed.conversation_date
        and expected.dimension = summed.dimension
where
    expected.metric is null
    or summed.metric is null
    {% for part in parts -%}
        or expected.{{ part }} is distinct from summed.{{ part }}
    {% endfor %}
