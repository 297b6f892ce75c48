-- One row per metric, day, dimension and value of it among the day's conversations: '(none)' where they have none, and
-- '(other)' for all but the day's most frequent values.
{%- set parts = [
    'conversation_count', 'success_count', 'partial_count', 'failure_count', 'neutral_count', 'not_applicable_count',
    'gated_count', 'undecided_count', 'evidence_failed_count', 'error_count', 'unjudged_count', 'not_sampled_count',
    'rate_numerator', 'rate_denominator',
] %}
with profiles as (
    {% for dimension in dimensions() -%}
        select
            conversation_date,
            '{{ dimension }}' as dimension,
            {{ dimension }} as own_value,
            profile,
            count(*) as profile_count
        from {{ ref('int_conversation_profiles') }}
        group by conversation_date, {{ dimension }}, profile
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        conversation_date,
        dimension,
        own_value,
        row_number() over (
            partition by conversation_date, dimension
            order by sum(profile_count) desc, own_value
        ) as place
    from profiles
    group by conversation_date, dimension, own_value
),

shown as (
    select
        profiles.profile,
        profiles.dimension,
        case when ranked.place <= {{ most_values() }} then ranked.own_value else '(other)' end as shown_value,
        greatest(max(ranked.place) over by_dimension - {{ most_values() }}, 0) as other_count
    from profiles
    inner join ranked using (conversation_date, dimension, own_value)
    window by_dimension as (partition by profiles.conversation_date, profiles.dimension)
),

summed as (
    select
        counts.metric,
        counts.conversation_date,
        shown.dimension,
        shown.shown_value,
        {% for part in parts -%}
            sum(counts.{{ part }})::bigint as {{ part }},
        {% endfor -%}
        any_value(shown.other_count) as other_count
    from {{ ref('int_metric_profile_counts') }} as counts
    inner join shown on counts.profile = shown.profile
    group by counts.metric, counts.conversation_date, shown.dimension, shown.shown_value
)

select
    summed.metric,
    summed.conversation_date,
    summed.dimension,
    summed.shown_value as value,
    case when summed.shown_value = '(other)' then summed.other_count else 1 end::integer as value_count,
    days.metric_version,
    days.judge_kind,
    days.judge,
    days.day_status,
    {% for part in parts[:-2] -%}
        summed.{{ part }},
    {% endfor -%}
    days.rate_of,
    summed.rate_numerator,
    summed.rate_denominator,
    days.good_direction,
    summed.rate_numerator / nullif(summed.rate_denominator, 0) as rate,
    {{ wilson_bound('summed.rate_numerator', 'summed.rate_denominator', '-') }} as rate_low,
    {{ wilson_bound('summed.rate_numerator', 'summed.rate_denominator', '+') }} as rate_high,
    summed.rate_denominator < {{ rate_floor() }} as is_too_few
from summed
inner join {{ ref('trend_metric_daily') }} as days
    on
        summed.metric = days.metric
        and summed.conversation_date = days.conversation_date
