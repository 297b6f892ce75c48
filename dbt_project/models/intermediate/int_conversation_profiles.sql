-- One row per conversation: its value of each dimension, and its profile, a number for its day and all these together.
with named as (
    select
        {% for dimension in dimensions() -%}
            coalesce(nullif({{ dimension }}::varchar, ''), '(none)') as {{ dimension }},
        {% endfor -%}
        conversation_id,
        conversation_date
    from {{ ref('stg_conversations') }}
)

select
    *,
    dense_rank() over (order by conversation_date, {{ dimensions() | join(', ') }}) as profile
from named
