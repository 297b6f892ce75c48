-- One row per logged name, day and value: '(none)' where it is empty, '(other)' for all but the most frequent, and for
-- what one single conversation ever logged: that may be words of its caller, and no sum may name anybody.
with logged as (
    select distinct
        metric,
        conversation_date,
        conversation_id,
        coalesce(nullif(value, ''), '(none)') as own_value
    from {{ ref('fct_logged_metrics') }}
),

repeated as (
    select
        metric,
        own_value
    from logged
    group by metric, own_value
    having own_value = '(none)' or count(distinct conversation_id) > 1
),

ranked as (
    select
        metric,
        conversation_date,
        own_value,
        row_number() over (partition by metric, conversation_date order by count(*) desc, own_value) as place
    from logged
    inner join repeated using (metric, own_value)
    group by metric, conversation_date, own_value
),

shown as (
    select
        logged.metric,
        logged.conversation_date,
        logged.conversation_id,
        logged.own_value,
        case when ranked.place <= {{ most_values() }} then logged.own_value else '(other)' end as shown_value
    from logged
    left join ranked using (metric, conversation_date, own_value)
),

counted as (
    select
        metric,
        conversation_date,
        shown_value,
        count(distinct own_value)::integer as value_count,
        count(distinct conversation_id) as conversation_count
    from shown
    group by metric, conversation_date, shown_value
),

names as (
    select
        metric,
        conversation_date,
        count(distinct conversation_id) as logged_count
    from logged
    group by metric, conversation_date
),

days as (
    select
        conversation_date,
        count(*) as day_conversation_count
    from {{ ref('dim_conversations') }}
    group by conversation_date
)

select
    counted.metric,
    counted.conversation_date,
    counted.shown_value as value,
    counted.value_count,
    counted.conversation_count,
    names.logged_count,
    days.day_conversation_count,
    counted.conversation_count / names.logged_count as share,
    {{ wilson_bound('counted.conversation_count', 'names.logged_count', '-') }} as share_low,
    {{ wilson_bound('counted.conversation_count', 'names.logged_count', '+') }} as share_high,
    names.logged_count < {{ rate_floor() }} as is_too_few
from counted
inner join names using (metric, conversation_date)
inner join days using (conversation_date)
