"""Spells pull requests and their reviews as REST's own lists of them do, which GitPulse does not ask for."""

import json

from gitpulse_assets.sandbox.model import Issue, PullRequestReview, Repository, node_id
from gitpulse_assets.sandbox.render import (
    API,
    WEB,
    flag,
    label_json,
    moment,
    pull_request_id,
    text,
    user_json,
    word_json,
)
from gitpulse_assets.sandbox.render_repository import repository_bytes
from gitpulse_assets.sandbox.times import iso

# The parts of a pull request that its links name, each with its address: below it, or below the repository.
LINKS = {
    "self": "/pulls/{number}",
    "issue": "/issues/{number}",
    "comments": "/issues/{number}/comments",
    "review_comments": "/pulls/{number}/comments",
    "review_comment": "/pulls/comments{{/number}}",
    "commits": "/pulls/{number}/commits",
    "statuses": "/statuses/" + "0" * 40,
}


def pull_requests(repository: Repository, state: str, *, is_by_update: bool, descending: bool) -> list[Issue]:
    """The pull requests of a state (open, closed, all), by creation or by update."""
    found = [
        issue
        for issue in repository.issues.values()
        if issue.is_pull_request and state in ("all", issue.state)
    ]
    return sorted(
        found,
        key=lambda issue: (issue.updated_at if is_by_update else issue.created_at, issue.number),
        reverse=descending,
    )


def reviews_of(issue: Issue) -> list[PullRequestReview]:
    """The submitted reviews of a pull request in their order, those among them that only reply."""
    return [entry for entry in issue.said if isinstance(entry, PullRequestReview)]


def pull_request_json(issue: Issue) -> str:
    """JSON text of a pull request as `/pulls` has it."""
    name, number = issue.repository.full_name, issue.number
    api, web = f"{API}/repos/{name}", f"{WEB}/{name}/pull/{number}"
    links = {part: f"{api}{path.format(number=number)}" for part, path in LINKS.items()} | {"html": web}
    urls = "".join(
        f'"{key}":"{links[part]}",'
        for part, key in (
            ("self", "url"),
            ("issue", "issue_url"),
            ("comments", "comments_url"),
            ("review_comments", "review_comments_url"),
            ("review_comment", "review_comment_url"),
            ("commits", "commits_url"),
            ("statuses", "statuses_url"),
            ("html", "html_url"),
        )
    )
    assignees = [user_json(user) for user in issue.assignees]
    branch = branch_json(issue.repository)
    told = ",".join(f'"{part}":{{"href":"{url}"}}' for part, url in links.items())
    return (
        f'{{{urls}"diff_url":"{web}.diff","patch_url":"{web}.patch","id":{pull_request_id(issue)},'
        f'"node_id":"{issue.node_id}","number":{number},"state":"{issue.state}","locked":{flag(issue.locked)},'
        f'"title":{text(issue.title)},"body":null,"labels":['
        f"{','.join(label_json(label, name) for label in issue.labels)}],"
        f'"milestone":null,"active_lock_reason":null,"created_at":"{iso(issue.created_at)}",'
        f'"updated_at":"{iso(issue.updated_at)}","closed_at":{moment(issue.closed_at)},'
        f'"merged_at":{moment(issue.merged_at)},"merge_commit_sha":null,'
        f'"assignee":{assignees[0] if assignees else "null"},"assignees":[{",".join(assignees)}],'
        f'"requested_reviewers":[],"requested_teams":[],"draft":{flag(issue.is_draft)},'
        f'"head":{branch},"base":{branch},"_links":{{{told}}},"auto_merge":null,'
        f"{word_json(issue.author).rstrip(',')}}}"
    )


def branch_json(repository: Repository) -> str:
    """JSON text of a branch, with the whole repository in it, as GitHub has it."""
    whole = json.loads(repository_bytes(repository, repository.created_at))
    # Told of a repository that is asked for by itself alone.
    del whole["temp_clone_token"]
    told = {"label": f"{repository.owner}:main", "ref": "main", "sha": "0" * 40, "user": None, "repo": whole}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def review_json(review: PullRequestReview) -> str:
    """JSON text of a review as `/pulls/{number}/reviews` has it."""
    issue = review.issue
    name = issue.repository.full_name
    html = f"{WEB}/{name}/pull/{issue.number}#pullrequestreview-{review.review_id}"
    pull = f"{API}/repos/{name}/pulls/{issue.number}"
    return (
        f'{{"id":{review.review_id},"node_id":"{node_id("PRR", issue.issue_id, review.review_id)}",'
        f'{word_json(review.author)}"body":"","state":"{review.state}","commit_id":"{"0" * 40}",'
        f'"html_url":"{html}","pull_request_url":"{pull}","submitted_at":"{iso(review.submitted_at)}",'
        f'"_links":{{"html":{{"href":"{html}"}},"pull_request":{{"href":"{pull}"}}}}}}'
    )
