-- One row per conversation and metric on which judge and log say otherwise, or only one of them answers: a queue.
select
    metric,
    conversation_id,
    conversation_date,
    metric_version,
    judge,
    case
        when logged_answer is null then 'only_judged'
        when judged_answer is null then 'only_logged'
        else 'disagree'
    end as difference,
    coalesce(judged_state, 'unjudged') as judged_state,
    judged_answer,
    coalesce(logged_state, 'unjudged') as logged_state,
    logged_answer,
    coalesce(evidence_count, 0) as evidence_count
from {{ ref('int_logged_beside_judged') }}
where judged_answer is distinct from logged_answer
