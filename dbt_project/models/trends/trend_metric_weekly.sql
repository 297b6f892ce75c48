-- One row per metric, ISO week and stretch of its days with the same version and judge: a break divides a week in two.
{{ pooled_trend('week', '7') }}
