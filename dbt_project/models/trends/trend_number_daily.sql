-- One row per numeric metric and day on which it has a number.
select
    verdicts.metric,
    verdicts.conversation_date,
    any_value(verdicts.metric_version) as metric_version,
    count(*) as answered_count,
    avg(verdicts.answer_number) as mean,
    quantile_cont(verdicts.answer_number, 0.50) as p50,
    quantile_cont(verdicts.answer_number, 0.95) as p95,
    quantile_cont(verdicts.answer_number, 0.99) as p99,
    count(*) < {{ rate_floor() }} as is_too_few
from {{ ref('fct_verdicts') }} as verdicts
where verdicts.is_primary and verdicts.state = 'answered' and verdicts.answer_number is not null
group by verdicts.metric, verdicts.conversation_date
