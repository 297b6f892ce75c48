-- One row per conversation, metric, source, version and judge: every verdict that was ever reached.
select
    verdicts.conversation_id,
    verdicts.conversation_date,
    verdicts.metric,
    verdicts.metric_version,
    verdicts.source,
    verdicts.judge_role,
    verdicts.judge_kind,
    verdicts.judge,
    verdicts.judge_served,
    verdicts.judge_key as judge_fingerprint,
    verdicts.state,
    verdicts.answer,
    verdicts.answer_number,
    verdicts.detail,
    verdicts.evidence_count,
    verdicts.reply_id,
    verdicts.judged_at,
    days.in_force and (verdicts.source != 'judged' or verdicts.judge_key = days.judge_fingerprint) as in_force
from {{ ref('stg_verdicts') }} as verdicts
left join {{ ref('stg_metric_days') }} as days
    on
        verdicts.metric = days.metric
        and verdicts.conversation_date = days.conversation_date
        and verdicts.metric_version = days.metric_version
        and case
            when verdicts.source = 'judged' then verdicts.judge_key = days.judge_fingerprint
            -- Several judges may share a version; what was logged is in force if any of them is.
            else days.in_force
        end
