-- Grain: one of the 10 open issues of which outsiders spoke most in the last 7 days. Key: repo_owner, repo_name,
-- issue_number.
select
    repo_owner,
    repo_name,
    thread_number as issue_number,
    title,
    row_number() over (order by comment_count desc, last_comment_at desc, thread_number) as rank,
    comment_count,
    commenter_count as people_count,
    last_comment_at as last_counted_at,
    reaction_count,
    reaction_plus_1_count,
    reaction_minus_1_count,
    reaction_laugh_count,
    reaction_hooray_count,
    reaction_confused_count,
    reaction_heart_count,
    reaction_rocket_count,
    reaction_eyes_count
from outside_word
where state = 'open' and not is_pull_request and comment_count > 0
qualify rank <= 10
