{# The project's setting: a rate out of fewer answers is too few. Every metric carries the same. #}
{% macro rate_floor() %}(select max(floors.rate_floor) from {{ ref('stg_metrics') }} as floors){% endmacro %}
