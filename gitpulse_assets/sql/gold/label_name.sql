-- Grain: one row per label that an issue or a pull request has. Key: repo_owner, repo_name, label_id.
-- A renamed label leaves its old name on what was not read since (a renaming moves no updated_at): the name on the
-- record read last is the label's name wherever it stands.
select
    repo_owner,
    repo_name,
    labels.label_id,
    arg_max(labels.label_name, (records.fetched_at, records.issue_id)) as label_name,
    max(records.fetched_at) as read_at
from issue_labels as labels
join issue_current as records using (repo_owner, repo_name, issue_id)
group by repo_owner, repo_name, labels.label_id
