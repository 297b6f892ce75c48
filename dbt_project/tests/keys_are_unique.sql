{{ config(meta={'dagster': {'ref': {'name': 'fct_verdicts'}}}) }}
-- No key of several columns stands twice.
with found as (
    select
        'fct_verdicts' as model,
        conversation_id || ' / ' || metric || ' / ' || source as row_key
    from {{ ref('fct_verdicts') }}
    union all
    select
        'fct_verdicts, primary' as model,
        conversation_id || ' / ' || metric as row_key
    from {{ ref('fct_verdicts') }}
    where is_primary
    union all
    select
        'fct_verdict_history' as model,
        conversation_id || ' / ' || metric || ' / ' || source || ' / ' || metric_version || ' / ' || judge_fingerprint
        || ' / ' || coalesce(judge_role, '') as row_key
    from {{ ref('fct_verdict_history') }}
    union all
    select
        'fct_logged_metrics' as model,
        conversation_id || ' / ' || metric || ' / ' || position as row_key
    from {{ ref('fct_logged_metrics') }}
    union all
    select
        'trend_metric_daily' as model,
        metric || ' / ' || conversation_date as row_key
    from {{ ref('trend_metric_daily') }}
    union all
    select
        'trend_label_daily' as model,
        metric || ' / ' || conversation_date || ' / ' || label as row_key
    from {{ ref('trend_label_daily') }}
    union all
    select
        'trend_number_daily' as model,
        metric || ' / ' || conversation_date as row_key
    from {{ ref('trend_number_daily') }}
    union all
    select
        'evaluation_runs' as model,
        run_id || ' / ' || metric || ' / ' || metric_version || ' / ' || judge_fingerprint as row_key
    from {{ ref('evaluation_runs') }}
    union all
    select
        'trend_cost_daily' as model,
        run_date || ' / ' || metric || ' / ' || judge_kind || ' / ' || judge as row_key
    from {{ ref('trend_cost_daily') }}
    union all
    select
        'export_verdicts' as model,
        conversation_id || ' / ' || metric || ' / ' || source as row_key
    from {{ ref('export_verdicts') }}
)

select
    model,
    row_key
from found
group by model, row_key
having count(*) > 1
