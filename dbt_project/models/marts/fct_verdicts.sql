-- One row per conversation, metric and source: the verdict in force on the conversation's day.
select
    verdicts.conversation_id,
    verdicts.conversation_date,
    verdicts.metric,
    verdicts.metric_version,
    verdicts.source,
    verdicts.source = metrics.primary_source as is_primary,
    verdicts.state,
    verdicts.answer,
    verdicts.answer_number,
    case when verdicts.answer_number is not null then 'neutral' else answers.outcome end as outcome,
    verdicts.detail,
    verdicts.gate_unknown,
    verdicts.injection_suspect,
    verdicts.evidence_count,
    verdicts.applies_from_turn,
    verdicts.judge_kind,
    verdicts.judge,
    verdicts.judge_served,
    verdicts.judge_fingerprint,
    verdicts.reply_id,
    verdicts.judged_at
from {{ ref('stg_verdicts') }} as verdicts
inner join {{ ref('stg_metrics') }} as metrics
    on
        verdicts.metric = metrics.metric
        and metrics.status != 'draft'
inner join {{ ref('stg_metric_days') }} as days
    on
        verdicts.metric = days.metric
        and verdicts.conversation_date = days.conversation_date
        and verdicts.metric_version = days.metric_version
        and days.in_force
        and (verdicts.source != 'judged' or verdicts.judge_key = days.judge_fingerprint)
left join {{ ref('int_metric_answers') }} as answers
    on
        verdicts.metric = answers.metric
        and verdicts.answer = answers.answer
where coalesce(verdicts.judge_role, 'first') = 'first'
