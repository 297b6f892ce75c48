-- One row per metric: those that are defined now, and the names that are only logged.
with since as (
    select
        metric,
        min(first_seen_at) as first_judged_at
    from {{ ref('stg_metric_versions') }}
    group by metric
),

logged_only as (
    select distinct metric
    from {{ ref('stg_logged_metrics') }}
    where metric not in (select metrics.metric from {{ ref('stg_metrics') }} as metrics)
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
    since.first_judged_at
from {{ ref('stg_metrics') }} as metrics
left join since on metrics.metric = since.metric
union all
select
    metric,
    metric as name,
    null as type,
    'logged_only' as status,
    null as owner,
    null as definition,
    null as metric_group,
    null as unit,
    null as sample,
    null as model,
    []::varchar[] as tags,
    'logged' as primary_source,
    null as metric_version,
    null as rate_of,
    'none' as good_direction,
    null as first_judged_at
from logged_only
