{# The z beyond which `tail` of the standard normal distribution lies, for tails under 0.075 and over e^-25.
   M. J. Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied Statistics 37 (1988);
   about 16 digits. #}
{% macro normal_quantile(tail) %}
    {%- set r = '(sqrt(-ln(' ~ tail ~ ')) - 1.6)' -%}
    {%- set above = [
        '1.42343711074968357734', '4.63033784615654529590', '5.76949722146069140550', '3.64784832476320460504',
        '1.27045825245236838258', '0.241780725177450611770', '0.0227238449892691845833', '0.000774545014278341407640',
    ] -%}
    {%- set below = [
        '1.0', '2.05319162663775882187', '1.67638483018380384940', '0.689767334985100004550',
        '0.148103976427480074590', '0.0151986665636164571966', '0.000547593808499534494600',
        '0.00000000105075007164441684324',
    ] -%}
    {%- set polynomials = [] -%}
    {%- for coefficients in (above, below) -%}
        {%- set terms = [] -%}
        {%- for coefficient in coefficients -%}
            {%- do terms.append(coefficient ~ '::double * pow(' ~ r ~ ', ' ~ loop.index0 ~ ')') -%}
        {%- endfor -%}
        {%- do polynomials.append('(' ~ terms | join(' + ') ~ ')') -%}
    {%- endfor -%}
    {{- '(' ~ polynomials | join(' / ') ~ ')' -}}
{% endmacro %}
