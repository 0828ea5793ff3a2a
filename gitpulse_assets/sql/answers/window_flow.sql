-- Grain: one row per UTC day of the daily flow within the window, both ends included. Key: flow_date.
-- Registered as mart_issue_daily_flow, so that the marts' own statements answer for the window.
select *
from daily_flow
where flow_date between $start_date::date and $end_date::date
