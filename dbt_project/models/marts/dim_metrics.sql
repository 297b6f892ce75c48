-- One row per metric: those that are defined now, those that once were, and the names that are only logged.
with since as (
    select
        metric,
        min(first_seen_at) as first_judged_at,
        max_by(metric_version, (first_seen_at, metric_version)) as newest_version
    from {{ ref('stg_metric_versions') }}
    group by metric
),

removed as (
    select
        since.metric,
        since.newest_version,
        since.first_judged_at,
        count(*) filter (where days.is_complete) as judged_day_count,
        min(days.conversation_date) as first_day,
        max(days.conversation_date) as last_day
    from since
    left join {{ ref('stg_metric_days') }} as days
        on
            since.metric = days.metric
            and days.in_force
    where since.metric not in (select metrics.metric from {{ ref('stg_metrics') }} as metrics)
    group by all
),

logged_only as (
    select distinct metric
    from {{ ref('stg_logged_metrics') }}
    where
        metric not in (select metrics.metric from {{ ref('stg_metrics') }} as metrics)
        and metric not in (select removed.metric from removed)
),

conversation_days as (
    select count(distinct conversation_date) as day_count
    from {{ ref('stg_conversations') }}
)

select
    metrics.metric,
    metrics.name,
    metrics.type,
    metrics.status,
    metrics.owner,
    metrics.definition,
    metrics.metric_group,
    metrics.unit,
    metrics.sample,
    metrics.model,
    metrics.tags,
    metrics.primary_source,
    metrics.metric_version,
    metrics.rate_of,
    metrics.good_direction,
    since.first_judged_at,
    conversation_days.day_count,
    coalesce(coverage.judged_day_count, 0) as judged_day_count,
    coverage.first_day,
    coverage.last_day,
    coverage.last_judged_at,
    coalesce(coverage.compared_count, 0) as compared_count,
    coverage.agreement_share,
    coverage.agreement_kappa
from {{ ref('stg_metrics') }} as metrics
cross join conversation_days
left join since on metrics.metric = since.metric
left join {{ ref('int_metric_coverage') }} as coverage on metrics.metric = coverage.metric
union all by name
select
    metric,
    metric as name,
    'removed' as status,
    []::varchar[] as tags,
    newest_version as metric_version,
    'none' as good_direction,
    first_judged_at,
    (select conversation_days.day_count from conversation_days) as day_count,
    judged_day_count,
    first_day,
    last_day,
    0 as compared_count
from removed
union all by name
select
    metric,
    metric as name,
    'logged_only' as status,
    []::varchar[] as tags,
    'logged' as primary_source,
    'none' as good_direction
from logged_only
