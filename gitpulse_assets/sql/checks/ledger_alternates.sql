-- Proves that each issue enters before it leaves and never enters or leaves twice in a row: its odd transitions
-- are +1 and its even ones -1, numbered without a gap and in time order. Two wrongs of different issues can
-- cancel in every sum over days; they cannot here. Broken rows: the transitions out of step.
with transition as (
    select
        repo_owner,
        repo_name,
        issue_number,
        issue_id,
        transition_number,
        kind,
        delta,
        transitioned_at,
        lag(transition_number, 1, 0) over of_issue as previous_number,
        lag(transitioned_at) over of_issue as previous_at
    from issue_transitions
    window of_issue as (partition by repo_owner, repo_name, issue_id order by transition_number)
)

select
    repo_owner,
    repo_name,
    issue_number,
    issue_id,
    transition_number,
    kind,
    delta,
    transitioned_at
from transition
where
    delta <> if(transition_number % 2 = 1, 1, -1)
    or transition_number <> previous_number + 1
    or transitioned_at < previous_at
