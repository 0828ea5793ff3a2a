-- Proves issue by issue what open_at_end_equals_snapshot proves in total: the ledger leaves exactly those issues
-- open whose state is open, that have not departed and are no pull requests. Broken rows: the issues on which they differ.
with ledger as (
    select repo_owner, repo_name, issue_id, sum(delta) as stock
    from issue_transitions
    group by repo_owner, repo_name, issue_id
)

select
    repo_owner,
    repo_name,
    issue_number,
    issue_id,
    state,
    departed_at,
    coalesce(ledger.stock, 0) as ledger_stock
from issue_current
left join ledger using (repo_owner, repo_name, issue_id)
where
    (state = 'open' and departed_at is null and not is_pull_request)::int <> coalesce(ledger.stock, 0)
