{{ config(meta={'dagster': {'ref': {'name': 'fct_verdicts'}}}) }}
-- No key of several columns stands twice.
{% set keys = [
    ('fct_verdicts', ['conversation_id', 'metric', 'source']),
    ('fct_verdict_history', ['conversation_id', 'metric', 'source', 'metric_version', 'judge_fingerprint', "coalesce(judge_role, '')"]),
    ('fct_logged_metrics', ['conversation_id', 'metric', 'position']),
    ('trend_metric_daily', ['metric', 'conversation_date']),
    ('trend_metric_daily_by', ['metric', 'conversation_date', 'dimension', 'value']),
    ('trend_metric_weekly', ['metric', 'week', 'segment']),
    ('trend_metric_monthly', ['metric', 'month', 'segment']),
    ('trend_label_daily', ['metric', 'conversation_date', 'label']),
    ('trend_number_daily', ['metric', 'conversation_date']),
    ('trend_logged_daily', ['metric', 'conversation_date', 'value']),
    ('logged_vs_judged', ['metric', 'conversation_date']),
    ('logged_vs_judged_answers', ['metric', 'conversation_date', 'judged_answer', 'logged_answer']),
    ('logged_vs_judged_conversations', ['metric', 'conversation_id']),
    ('evaluation_runs', ['run_id', 'metric', 'metric_version', 'judge_fingerprint']),
    ('trend_cost_daily', ['run_date', 'metric', 'judge_kind', 'judge']),
    ('export_verdicts', ['conversation_id', 'metric', 'source']),
] %}
with found as (
    {% for model, columns in keys -%}
        select
            '{{ model }}' as model,
            {{ columns | join(" || ' / ' || ") }} as row_key
        from {{ ref(model) }}
        union all
    {% endfor -%}
    select
        'fct_verdicts, primary' as model,
        conversation_id || ' / ' || metric as row_key
    from {{ ref('fct_verdicts') }}
    where is_primary
)

select
    model,
    row_key
from found
group by model, row_key
having count(*) > 1
