-- Grain: one open issue or pull request that waits for a maintainer's word, the overdue first, of each the latest; at
-- most 500.
select
    waiting.issue_number,
    waiting.title,
    waiting.is_pull_request,
    waiting.is_overdue,
    waiting.business_days_waiting,
    pending.waiting_days as days_since_label_answered,
    waiting.waiting_since,
    issue.author_login,
    issue.html_url
from gold_mart_follow_up as waiting
left join gold_mart_pending_response as pending using (repo_owner, repo_name, issue_number)
left join silver_github_issue_current as issue using (repo_owner, repo_name, issue_number)
where repo_owner || '/' || repo_name = lower({{repository}})
order by is_overdue desc, waiting_since desc, issue_number desc
limit 500
