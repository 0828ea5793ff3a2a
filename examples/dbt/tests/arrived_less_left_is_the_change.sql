select * from {{ ref('backlog_weekly') }} where arrived_count - left_count <> net_change
