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
        'trend_metric_weekly' as model,
        metric || ' / ' || week || ' / ' || segment as row_key
    from {{ ref('trend_metric_weekly') }}
    union all
    select
        'trend_metric_monthly' as model,
        metric || ' / ' || month || ' / ' || segment as row_key
    from {{ ref('trend_metric_monthly') }}
    union all
    select
        'trend_metric_daily_by' as model,
        metric || ' / ' || conversation_date || ' / ' || dimension || ' / ' || value as row_key
    from {{ ref('trend_metric_daily_by') }}
    union all
    select
        'trend_logged_daily' as model,
        metric || ' / ' || conversation_date || ' / ' || value as row_key
    from {{ ref('trend_logged_daily') }}
    union all
    select
        'logged_vs_judged' as model,
        metric || ' / ' || conversation_date as row_key
    from {{ ref('logged_vs_judged') }}
    union all
    select
        'logged_vs_judged_answers' as model,
        metric || ' / ' || conversation_date || ' / ' || judged_answer || ' / ' || logged_answer as row_key
    from {{ ref('logged_vs_judged_answers') }}
    union all
    select
        'logged_vs_judged_conversations' as model,
        metric || ' / ' || conversation_id as row_key
    from {{ ref('logged_vs_judged_conversations') }}
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
