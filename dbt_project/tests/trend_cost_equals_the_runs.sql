{{ config(meta={'dagster': {'ref': {'name': 'trend_cost_daily'}}}) }}
-- What the days cost is what the runs cost.
with runs as (
    select
        run_date,
        sum(prompt_tokens) as prompt_tokens,
        sum(reply_tokens) as reply_tokens,
        sum(asked_count) as asked_count,
        count(*) filter (where dollars is null) as unpriced_count,
        sum(dollars) as dollars
    from {{ ref('evaluation_runs') }}
    where judge is not null
    group by run_date
),

days as (
    select
        run_date,
        sum(prompt_tokens) as prompt_tokens,
        sum(reply_tokens) as reply_tokens,
        sum(asked_count) as asked_count,
        sum(dollars) as dollars
    from {{ ref('trend_cost_daily') }}
    group by run_date
)

select coalesce(runs.run_date, days.run_date) as run_date
from runs
full outer join days on runs.run_date = days.run_date
where
    runs.run_date is null
    or days.run_date is null
    or runs.prompt_tokens != days.prompt_tokens
    or runs.reply_tokens != days.reply_tokens
    or runs.asked_count != days.asked_count
    or (runs.unpriced_count = 0 and runs.dollars is distinct from days.dollars)
