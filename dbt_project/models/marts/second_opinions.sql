-- One row per metric, day, version, first judge, second judge and reason for asking.
with opinions as (
    select
        *,
        second_state is null as is_open,
        answer is not null and second_answer is not null as both_answered,
        coalesce(answer = second_answer, false) as agree
    from {{ ref('stg_second_opinions') }}
),

counted as (
    select
        metric,
        conversation_date,
        metric_version,
        because,
        judge,
        judge_fingerprint,
        second_judge,
        second_judge_fingerprint,
        count(*)::integer as asked_count,
        count(*) filter (where is_open)::integer as open_count,
        count(*) filter (where both_answered)::integer as both_answered_count,
        count(*) filter (where both_answered and agree)::integer as agree_count,
        count(*) filter (where both_answered and not agree)::integer as disagree_count
    from opinions
    group by all
)

select
    *,
    disagree_count / nullif(both_answered_count, 0)::double as disagreement_rate,
    {{ wilson_bound('disagree_count', 'both_answered_count', '-') }} as disagreement_low,
    {{ wilson_bound('disagree_count', 'both_answered_count', '+') }} as disagreement_high,
    both_answered_count < {{ rate_floor() }} as is_too_few
from counted
