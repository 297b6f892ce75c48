{{ config(meta={'dagster': {'ref': {'name': 'trend_metric_daily'}}}) }}
-- A rate lies within its interval, both within 0 and 1, and there is one wherever there are answers.
with rates as (
    {% for model, day in [
        ('trend_metric_daily', 'conversation_date'), ('trend_metric_daily_by', 'conversation_date'),
        ('trend_metric_weekly', 'week'), ('trend_metric_monthly', 'month'),
    ] -%}
        select
            '{{ model }}' as model,
            metric,
            {{ day }} as starts_on,
            rate_denominator as trials,
            rate as share,
            rate_low as share_low,
            rate_high as share_high
        from {{ ref(model) }}
        union all
    {% endfor -%}
    {% for days in ['7d', '28d'] -%}
        select
            'trend_metric_daily, {{ days }}' as model,
            metric,
            conversation_date as starts_on,
            rate_{{ days }}_denominator as trials,
            rate_{{ days }} as share,
            rate_{{ days }}_low as share_low,
            rate_{{ days }}_high as share_high
        from {{ ref('trend_metric_daily') }}
        union all
    {% endfor -%}
    {% for bounds in ['share', 'share_joint'] -%}
        select
            'trend_label_daily, {{ bounds }}' as model,
            metric,
            conversation_date as starts_on,
            answered_count as trials,
            share,
            {{ bounds }}_low as share_low,
            {{ bounds }}_high as share_high
        from {{ ref('trend_label_daily') }}
        union all
    {% endfor -%}
    select
        'trend_logged_daily' as model,
        metric,
        conversation_date as starts_on,
        logged_count as trials,
        share,
        share_low,
        share_high
    from {{ ref('trend_logged_daily') }}
    union all
    select
        'logged_vs_judged' as model,
        metric,
        conversation_date as starts_on,
        both_count as trials,
        agreement_rate as share,
        agreement_low as share_low,
        agreement_high as share_high
    from {{ ref('logged_vs_judged') }}
)

select
    model,
    metric,
    starts_on
from rates
where
    not (share_low >= 0 and share_low <= share and share <= share_high and share_high <= 1)
    or (coalesce(trials, 0) > 0) != (share is not null and share_low is not null and share_high is not null)
union all
select
    'trend_metric_daily, if missing' as model,
    metric,
    conversation_date as starts_on
from {{ ref('trend_metric_daily') }}
where not (rate_if_missing_fail <= rate and rate <= rate_if_missing_succeed)
union all
select
    'trend_label_daily, joint' as model,
    metric,
    conversation_date as starts_on
from {{ ref('trend_label_daily') }}
where share_joint_low > share_low or share_joint_high < share_high
