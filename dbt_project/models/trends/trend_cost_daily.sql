-- One row per day of runs, metric and judge.
with calls as (
    select distinct
        run_id,
        run_date,
        judge_kind,
        judge,
        judge_fingerprint,
        judge_call_count
    from {{ ref('evaluation_runs') }}
    where judge is not null
),

judges as (
    select
        run_date,
        judge_kind,
        judge,
        cast(sum(judge_call_count) as bigint) as judge_call_count
    from calls
    group by run_date, judge_kind, judge
),

days as (
    select
        run_date,
        metric,
        judge_kind,
        judge,
        count(distinct run_id) as run_count,
        cast(sum(call_count) as bigint) as call_count,
        cast(sum(planned_count) as bigint) as planned_count,
        cast(sum(held_count) as bigint) as held_count,
        cast(sum(asked_count) as bigint) as asked_count,
        cast(sum(prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(reply_tokens) as bigint) as reply_tokens,
        cast(sum(cached_tokens) as bigint) as cached_tokens,
        -- A sum without what one of its parts cost is no sum.
        case when count(dollars) = count(*) then cast(sum(dollars) as decimal(24, 12)) end as dollars
    from {{ ref('evaluation_runs') }}
    where judge is not null
    group by run_date, metric, judge_kind, judge
)

select
    days.run_date,
    days.metric,
    days.judge_kind,
    days.judge,
    days.run_count,
    days.call_count,
    judges.judge_call_count,
    days.planned_count,
    days.held_count,
    days.asked_count,
    days.prompt_tokens,
    days.reply_tokens,
    days.cached_tokens,
    days.dollars,
    case when days.asked_count > 0 then cast(days.dollars as double) * 1000 / days.asked_count end
        as dollars_per_1000_conversations
from days
inner join judges using (run_date, judge_kind, judge)
