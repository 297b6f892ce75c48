-- One row per conversation, metric and source: the verdict in force, with the metric's name.
select
    verdicts.conversation_id,
    verdicts.conversation_date,
    verdicts.metric,
    metrics.name as metric_name,
    verdicts.metric_version,
    verdicts.source,
    verdicts.is_primary,
    verdicts.state,
    verdicts.answer,
    verdicts.answer_number,
    verdicts.outcome,
    verdicts.detail,
    verdicts.evidence_count,
    verdicts.judge_kind,
    verdicts.judge,
    verdicts.judged_at
from {{ ref('fct_verdicts') }} as verdicts
inner join {{ ref('stg_metrics') }} as metrics on verdicts.metric = metrics.metric
