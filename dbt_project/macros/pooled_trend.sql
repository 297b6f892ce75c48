{# The trend by calendar week or month: the counts of complete days added up, apart for each stretch of days with the
   same version and judge. `period` is 'week' or 'month', `days` an expression for how many days it has. #}
{% macro pooled_trend(period, days) %}
{%- set parts = [
    'conversation_count', 'success_count', 'partial_count', 'failure_count', 'neutral_count', 'not_applicable_count',
    'gated_count', 'undecided_count', 'evidence_failed_count', 'error_count', 'unjudged_count', 'not_sampled_count',
    'rate_numerator', 'rate_denominator',
] -%}
with days as (
    select
        *,
        date_trunc('{{ period }}', conversation_date)::date as {{ period }},
        count(*) filter (where is_break) over (partition by metric order by conversation_date) as segment,
        min(conversation_date) over () as oldest_day,
        max(conversation_date) over () as newest_day
    from {{ ref('trend_metric_daily') }}
),

pooled as (
    select
        {% for part in parts %}
            sum({{ part }}) filter (where day_status = 'complete')::bigint as {{ part }},
        {% endfor %}
        metric,
        {{ period }},
        segment,
        rate_of,
        good_direction,
        bool_or(is_break) as is_break,
        count(*) as day_count,
        ({{ days }})::integer as days_in_period,
        oldest_day > {{ period }} or newest_day < {{ period }} + {{ days }}::integer - 1 as reaches_beyond,
        count(*) filter (where day_status = 'complete')::integer as days_counted,
        min(conversation_date) filter (where day_status = 'complete') as first_day,
        max(conversation_date) filter (where day_status = 'complete') as last_day,
        max(metric_version) as metric_version,
        max(judge_kind) as judge_kind,
        max(judge) as judge
    from days
    group by metric, {{ period }}, segment, rate_of, good_direction, oldest_day, newest_day
)

select
    {% for part in parts[:-2] %}
        coalesce({{ part }}, 0) as {{ part }},
    {% endfor %}
    metric,
    {{ period }},
    segment::integer as segment,
    metric_version,
    judge_kind,
    judge,
    first_day,
    last_day,
    days_counted,
    days_in_period,
    reaches_beyond or days_counted < sum(day_count) over (partition by metric, {{ period }}) as is_partial,
    rate_of,
    case when rate_of is not null then coalesce(rate_numerator, 0) end as rate_numerator,
    case when rate_of is not null then coalesce(rate_denominator, 0) end as rate_denominator,
    good_direction,
    rate_numerator / nullif(rate_denominator, 0) as rate,
    {{ wilson_bound('rate_numerator', 'rate_denominator', '-') }} as rate_low,
    {{ wilson_bound('rate_numerator', 'rate_denominator', '+') }} as rate_high,
    case when rate_of is not null then coalesce(rate_denominator, 0) < {{ rate_floor() }} end as is_too_few,
    is_break
from pooled
{% endmacro %}
