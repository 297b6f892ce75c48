{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_daily'}}}) }}
-- A rate lies within its interval, and both within 0 and 1.
select
    metric,
    conversation_date
from {{ ref('trend_metric_daily') }}
where
    not (rate_low >= 0 and rate_low <= rate and rate <= rate_high and rate_high <= 1)
    or not (rate_7d_low >= 0 and rate_7d_low <= rate_7d and rate_7d <= rate_7d_high and rate_7d_high <= 1)
    or not (rate_28d_low >= 0 and rate_28d_low <= rate_28d and rate_28d <= rate_28d_high and rate_28d_high <= 1)
    or not (rate_if_missing_fail <= rate and rate <= rate_if_missing_succeed)
    or (rate_denominator > 0) != (rate is not null and rate_low is not null and rate_high is not null)
