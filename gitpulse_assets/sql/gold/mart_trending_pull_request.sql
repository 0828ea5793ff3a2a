-- Grain: one of the 10 open pull requests of which outsiders spoke most in the last 7 days, reviews counted too. Key:
-- repo_owner, repo_name, pull_request_number.
select
    repo_owner,
    repo_name,
    thread_number as pull_request_number,
    title,
    row_number() over (order by word_count desc, last_word_at desc, thread_number) as rank,
    word_count,
    people_count,
    last_word_at as last_counted_at,
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
where state = 'open' and is_pull_request
qualify rank <= 10
