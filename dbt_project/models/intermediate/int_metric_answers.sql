-- One row per metric and answer of its closed list, with what the answer means now.
with answers as (
    select
        metric,
        unnest(answers) as answer
    from {{ ref('stg_metrics') }}
)

select
    metric,
    answer.answer,
    answer.outcome,
    answer.position
from answers
