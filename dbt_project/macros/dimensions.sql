{# What a rate is told apart by: columns of a conversation. #}
{% macro dimensions() %}
    {{- return(['variant', 'channel', 'language', 'environment', 'agent_version', 'handoff']) -}}
{% endmacro %}
{# Of a day's values, so many stand by themselves, those of most conversations; the others are one, '(other)'. #}
{% macro most_values() %}20{% endmacro %}
