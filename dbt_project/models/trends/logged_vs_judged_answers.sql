-- One row per metric that is both judged and logged, day, judged and logged answer, '(none)' where one gave none.
select
    metric,
    conversation_date,
    coalesce(judged_answer, '(none)') as judged_answer,
    coalesce(logged_answer, '(none)') as logged_answer,
    count(*) as conversation_count
from {{ ref('int_logged_beside_judged') }}
where judged_answer is not null or logged_answer is not null
group by all
