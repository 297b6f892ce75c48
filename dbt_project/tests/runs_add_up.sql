{{ config(meta={'dagster': {'ref': {'name': 'evaluation_runs'}}}) }}
-- Of each run and metric, the states are what was planned, the calls are questions, corrections and retries, and all
-- metrics together took at most what each call counted for each of them would be.
select
    run_id,
    metric
from {{ ref('evaluation_runs') }}
where
    planned_count != answered_count + not_applicable_count + undecided_count + error_count + unjudged_count
    or call_count != asked_count + correction_count + retry_count
    or call_count + unsent_count != reply_count + failure_count
    or call_count > judge_call_count
    or judge_call_count > run_call_count
    or (dollars is null) != (unpriced_count > 0)
