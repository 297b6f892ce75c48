-- One row per conversation and metric that is both judged and logged: the verdict in force of either, if there is one.
with compared as (
    select metric
    from {{ ref('fct_verdicts') }}
    where source in ('judged', 'logged')
    group by metric
    having count(distinct source) = 2
)

select
    metric,
    conversation_id,
    conversation_date,
    max(metric_version) as metric_version,
    max(judge) as judge,
    max(state) filter (where source = 'judged') as judged_state,
    max(answer) filter (where source = 'judged') as judged_answer,
    max(outcome) filter (where source = 'judged') as judged_outcome,
    max(evidence_count) filter (where source = 'judged') as evidence_count,
    max(state) filter (where source = 'logged') as logged_state,
    max(answer) filter (where source = 'logged') as logged_answer,
    max(outcome) filter (where source = 'logged') as logged_outcome
from {{ ref('fct_verdicts') }}
where source in ('judged', 'logged') and metric in (select compared.metric from compared)
group by metric, conversation_id, conversation_date
