{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_daily'}}}) }}
-- Every conversation of a day is in exactly one part.
select
    metric,
    conversation_date
from {{ ref('trend_metric_daily') }}
where
    conversation_count
    != success_count + partial_count + failure_count + neutral_count
    + not_applicable_count + undecided_count + error_count + unjudged_count
    or unjudged_count < 0
    or gated_count > not_applicable_count
    or not_sampled_count > unjudged_count
    or evidence_failed_count > undecided_count
