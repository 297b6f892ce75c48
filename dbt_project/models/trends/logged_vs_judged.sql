-- One row per metric that is both judged and logged, and day on which it has a verdict of either.
with counted as (
    select
        metric,
        conversation_date,
        max(metric_version) as metric_version,
        max(judge) as judge,
        count(*) filter (where judged_answer is not null and logged_answer is not null) as both_count,
        count(*) filter (where judged_answer is not null and logged_answer is null) as only_judged_count,
        count(*) filter (where judged_answer is null and logged_answer is not null) as only_logged_count,
        count(*) filter (where judged_answer = logged_answer) as agree_count,
        count(*) filter (where judged_answer != logged_answer) as disagree_count,
        count(*) filter (where judged_answer = 'true' and logged_answer = 'false') as judged_true_logged_false_count,
        count(*) filter (where judged_answer = 'false' and logged_answer = 'true') as judged_false_logged_true_count,
        count(*) filter (where judged_outcome = 'success' and logged_outcome in ('partial', 'failure'))
            as only_judged_success_count,
        count(*) filter (where logged_outcome = 'success' and judged_outcome in ('partial', 'failure'))
            as only_logged_success_count
    from {{ ref('int_logged_beside_judged') }}
    group by metric, conversation_date
)

select
    counted.metric,
    counted.conversation_date,
    counted.metric_version,
    counted.judge,
    days.conversation_count,
    counted.both_count,
    counted.only_judged_count,
    counted.only_logged_count,
    days.conversation_count - counted.both_count - counted.only_judged_count - counted.only_logged_count
        as neither_count,
    counted.agree_count,
    counted.disagree_count,
    case when days.rate_of = 'true' then counted.judged_true_logged_false_count end as judged_true_logged_false_count,
    case when days.rate_of = 'true' then counted.judged_false_logged_true_count end as judged_false_logged_true_count,
    case when days.rate_of = 'success' then counted.only_judged_success_count end as only_judged_success_count,
    case when days.rate_of = 'success' then counted.only_logged_success_count end as only_logged_success_count,
    counted.agree_count / nullif(counted.both_count, 0) as agreement_rate,
    {{ wilson_bound('counted.agree_count', 'counted.both_count', '-') }} as agreement_low,
    {{ wilson_bound('counted.agree_count', 'counted.both_count', '+') }} as agreement_high,
    counted.both_count < {{ rate_floor() }} as is_too_few
from counted
inner join {{ ref('int_metric_days') }} as days
    on
        counted.metric = days.metric
        and counted.conversation_date = days.conversation_date
