{{ config(meta={'dagster': {'ref': {'name': 'logged_vs_judged'}}}) }}
-- Of a day, both, one and neither are its conversations; the queue and the pairs of answers hold as many as it says.
with queued as (
    select
        metric,
        conversation_date,
        count(*) filter (where difference = 'disagree') as disagree_count,
        count(*) filter (where difference = 'only_judged') as only_judged_count,
        count(*) filter (where difference = 'only_logged') as only_logged_count
    from {{ ref('logged_vs_judged_conversations') }}
    group by metric, conversation_date
),

pairs as (
    select
        metric,
        conversation_date,
        sum(conversation_count) as answered_count,
        coalesce(sum(conversation_count) filter (where judged_answer = logged_answer), 0) as agree_count
    from {{ ref('logged_vs_judged_answers') }}
    group by metric, conversation_date
)

select
    days.metric,
    days.conversation_date
from {{ ref('logged_vs_judged') }} as days
left join queued
    on
        days.metric = queued.metric
        and days.conversation_date = queued.conversation_date
left join pairs
    on
        days.metric = pairs.metric
        and days.conversation_date = pairs.conversation_date
where
    days.both_count != days.agree_count + days.disagree_count
    or days.conversation_count
    != days.both_count + days.only_judged_count + days.only_logged_count + days.neither_count
    or days.neither_count < 0
    or days.disagree_count != days.judged_true_logged_false_count + days.judged_false_logged_true_count
    or days.disagree_count < days.only_judged_success_count + days.only_logged_success_count
    or days.disagree_count != coalesce(queued.disagree_count, 0)
    or days.only_judged_count != coalesce(queued.only_judged_count, 0)
    or days.only_logged_count != coalesce(queued.only_logged_count, 0)
    or days.both_count + days.only_judged_count + days.only_logged_count != coalesce(pairs.answered_count, 0)
    or days.agree_count != coalesce(pairs.agree_count, 0)
