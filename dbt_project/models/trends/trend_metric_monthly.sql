-- One row per metric, month and stretch of its days with the same version and judge: a break divides a month in two.
{{ pooled_trend('month', 'day(last_day(month))') }}
