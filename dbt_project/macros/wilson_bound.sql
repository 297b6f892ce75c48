{# Two-sided score bound of a share, NULL without trials; `side` is '-' or '+'. `z` is the quantile of the normal
   distribution that goes with the confidence, 95 % unless another is given.
   E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927). Rounding never
   pushes the share out of its own interval. #}
{% macro wilson_bound(successes, trials, side, z='1.959963984540054') %}
    {%- set n = '(nullif(' ~ trials ~ ', 0))::double' -%}
    {%- set p = '((' ~ successes ~ ') / ' ~ n ~ ')' -%}
    {%- set centre = '(' ~ p ~ ' + ' ~ z ~ ' * ' ~ z ~ ' / (2 * ' ~ n ~ '))' -%}
    {%- set variance = p ~ ' * (1 - ' ~ p ~ ') / ' ~ n ~ ' + ' ~ z ~ ' * ' ~ z ~ ' / (4 * ' ~ n ~ ' * ' ~ n ~ ')' -%}
    {%- set spread = z ~ ' * sqrt(' ~ variance ~ ')' -%}
    {%- set bound = '(' ~ centre ~ ' ' ~ side ~ ' ' ~ spread ~ ') / (1 + ' ~ z ~ ' * ' ~ z ~ ' / ' ~ n ~ ')' -%}
    {%- if side == '-' -%}
        case when {{ trials }} > 0 then least(greatest({{ bound }}, 0), {{ p }}) end
    {%- else -%}
        case when {{ trials }} > 0 then greatest(least({{ bound }}, 1), {{ p }}) end
    {%- endif -%}
{% endmacro %}
