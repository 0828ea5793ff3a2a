"""Spells the stand-in's state as GitHub's REST API does: records and events as JSON bytes.

The URLs name api.github.com whatever address the server has, as a proxy's answers would, so that a record's
bytes do not depend on the server. Which records are in an answer is decided by `listing` and `app`.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from gitpulse_assets.sandbox.bodies import body_json
from gitpulse_assets.sandbox.model import (
    GHOST,
    Event,
    Issue,
    IssueComment,
    Label,
    ReviewComment,
    User,
    node_id,
)
from gitpulse_assets.sandbox.times import iso

API = "https://api.github.com"
WEB = "https://github.com"
REACTION_KINDS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def text(value: str | None) -> str:
    """JSON text of a string or None, with characters beyond ASCII kept."""
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


def moment(at: int | None) -> str:
    """JSON text of Unix seconds or None."""
    return "null" if at is None else f'"{iso(at)}"'


def user_json(user: User | None) -> str:
    """JSON text of a user, null for None."""
    return "null" if user is None else _user_json(user.user_id, user.login, user.kind, user.node_id)


@lru_cache(maxsize=50_000)
def _user_json(user_id: int, login: str, kind: str, global_id: str) -> str:
    api, web = f"{API}/users/{login}", f"{WEB}/{login.removesuffix('[bot]')}"
    return (
        f'{{"login":{text(login)},"id":{user_id},"node_id":"{global_id}",'
        f'"avatar_url":"https://avatars.githubusercontent.com/u/{user_id}?v=4","gravatar_id":"",'
        f'"url":"{api}","html_url":"{web}","followers_url":"{api}/followers",'
        f'"following_url":"{api}/following{{/other_user}}","gists_url":"{api}/gists{{/gist_id}}",'
        f'"starred_url":"{api}/starred{{/owner}}{{/repo}}","subscriptions_url":"{api}/subscriptions",'
        f'"organizations_url":"{api}/orgs","repos_url":"{api}/repos",'
        f'"events_url":"{api}/events{{/privacy}}","received_events_url":"{api}/received_events",'
        f'"type":"{kind}","user_view_type":"public","site_admin":false}}'
    )


def label_json(label: Label, full_name: str) -> str:
    """JSON text of a label in an issue record."""
    url = text(f"{API}/repos/{full_name}/labels/{label.name.replace(' ', '%20')}")
    return (
        f'{{"id":{label.label_id},"node_id":"{label.node_id}","url":{url},'
        f'"name":{text(label.name)},"color":"{label.color}","default":{flag(label.is_default)},'
        f'"description":{text(label.description)}}}'
    )


def issue_bytes(issue: Issue) -> bytes:
    """The REST record of an issue or pull request; kept on the issue until it changes."""
    if issue.raw is None:
        issue.raw = _issue_json(issue).encode()
    return issue.raw


def _issue_json(issue: Issue) -> str:
    full_name, number = issue.repository.full_name, issue.number
    repo_api, web = f"{API}/repos/{full_name}", f"{WEB}/{full_name}"
    api = f"{repo_api}/issues/{number}"
    html = f"{web}/pull/{number}" if issue.is_pull_request else f"{web}/issues/{number}"
    labels = ",".join(label_json(label, full_name) for label in issue.labels)
    assignees = [user_json(user) for user in issue.assignees]
    association = issue.author.association if issue.author else "NONE"
    closed_at = None if issue.hides_closed_at else issue.closed_at
    return (
        f'{{"url":"{api}","repository_url":"{repo_api}","labels_url":"{api}/labels{{/name}}",'
        f'"comments_url":"{api}/comments","events_url":"{api}/events","html_url":"{html}",'
        f'"id":{issue.issue_id},"node_id":"{issue.node_id}","number":{number},"title":{text(issue.title)},'
        f'"user":{user_json(issue.author)},"labels":[{labels}],"state":"{issue.state}",'
        f'"locked":{flag(issue.locked)},"assignee":{assignees[0] if assignees else "null"},'
        f'"assignees":[{",".join(assignees)}],"milestone":null,"comments":{issue.comment_count},'
        f'"created_at":"{iso(issue.created_at)}","updated_at":"{iso(issue.updated_at)}",'
        f'"closed_at":{moment(closed_at)},"author_association":"{association}",'
        f"{_issue_only() if not issue.is_pull_request else _pull_request_only(issue, full_name)}"
        f'"active_lock_reason":{text(issue.lock_reason)},'
        f'"body":{_body(issue)},'
        f'"closed_by":{user_json(issue.closed_by)},"reactions":{_reactions(api, issue.reactions)},'
        f'"timeline_url":"{api}/timeline","performed_via_github_app":null,'
        f'"state_reason":{text(issue.state_reason)}}}'
    )


def _body(issue: Issue) -> str:
    if issue.body is not None:
        return text(issue.body)
    return body_json(issue.body_seed, issue.repository.body_bytes_mean)


def _issue_only() -> str:
    return (
        '"type":null,"sub_issues_summary":{"total":0,"completed":0,"percent_completed":0},'
        '"issue_dependencies_summary":'
        '{"blocked_by":0,"total_blocked_by":0,"blocking":0,"total_blocking":0},'
    )


def _pull_request_only(issue: Issue, full_name: str) -> str:
    api, web = f"{API}/repos/{full_name}/pulls/{issue.number}", f"{WEB}/{full_name}/pull/{issue.number}"
    return (
        f'"draft":{flag(issue.is_draft)},"pull_request":{{"url":"{api}","html_url":"{web}",'
        f'"diff_url":"{web}.diff","patch_url":"{web}.patch","merged_at":{moment(issue.merged_at)}}},'
    )


def _reactions(api: str, counts: Mapping[str, int] = MappingProxyType({})) -> str:
    told = ",".join(f'"{kind}":{counts.get(kind, 0)}' for kind in REACTION_KINDS) if counts else _NO_REACTIONS
    return f'{{"url":"{api}/reactions","total_count":{sum(counts.values())},{told}}}'


_NO_REACTIONS = ",".join(f'"{kind}":0' for kind in REACTION_KINDS)


def event_json(event: Event, issue: Issue) -> str:
    """JSON text of an issue event as `/issues/{number}/events` has it."""
    if event.raw is not None:
        return event.raw.decode()
    url = f"{API}/repos/{issue.repository.full_name}/issues/events/{event.event_id}"
    commit = f"{event.event_id:040x}" if event.closer == "Commit" else None
    return (
        f'{{"id":{event.event_id},"node_id":"{event_node_id(event, issue)}","url":"{url}",'
        f'"actor":{user_json(event.actor)},"event":"{event.kind}","commit_id":{text(commit)},"commit_url":null,'
        f'"created_at":"{iso(event.at)}",{_event_details(event)}"performed_via_github_app":null}}'
    )


def event_node_id(event: Event, issue: Issue) -> str:
    """The global id of an event."""
    prefix = "".join(word[0] for word in event.kind.split("_")).upper()
    return event.node_id or node_id(
        f"{prefix}E", issue.repository.repository_id, issue.issue_id, event.event_id
    )


def event_with_issue_json(event: Event, issue: Issue) -> str:
    """JSON text of an issue event as `/issues/events` has it, its issue within."""
    return f'{event_json(event, issue)[:-1]},"issue":{issue_bytes(issue).decode()}}}'


def _event_details(event: Event) -> str:
    if event.kind in ("closed", "reopened"):
        # GitHub leaves the reason of a completed closing null in REST events.
        reason = None if event.state_reason == "completed" else event.state_reason
        return f'"state_reason":{text(reason)},'
    if event.label is not None:
        return f'"label":{{"name":{text(event.label.name)},"color":"{event.label.color}"}},'
    if event.assignee is not None:
        return f'"assignee":{user_json(event.assignee)},"assigner":{user_json(event.actor)},'
    if event.kind == "renamed":
        return f'"rename":{{"from":{text(event.title_before)},"to":{text(event.title_after)}}},'
    return f'"lock_reason":{text(event.lock_reason)},' if event.kind == "locked" else ""


def flag(value: bool) -> str:
    """JSON text of a truth value."""
    return "true" if value else "false"


def comment_node_id(comment: IssueComment) -> str:
    """The global id of a comment."""
    return node_id("IC", comment.issue.repository.repository_id, comment.comment_id)


def pull_request_id(issue: Issue) -> int:
    """A pull request's own id, which is another than its id in the issue list."""
    return issue.issue_id - 1_000_000_000


def comment_json(comment: IssueComment) -> str:
    """JSON text of a comment as `/issues/comments` has it."""
    issue = comment.issue
    api, web = f"{API}/repos/{issue.repository.full_name}", f"{WEB}/{issue.repository.full_name}"
    kind = "pull" if issue.is_pull_request else "issues"
    url = f"{api}/issues/comments/{comment.comment_id}"
    return (
        f'{{"url":"{url}","html_url":"{web}/{kind}/{issue.number}#issuecomment-{comment.comment_id}",'
        f'"issue_url":"{api}/issues/{issue.number}","id":{comment.comment_id},'
        f'"node_id":"{comment_node_id(comment)}",{word_json(comment.author)}'
        f'"created_at":"{iso(comment.created_at)}","updated_at":"{iso(comment.updated_at)}",'
        f'"body":"A comment","reactions":{_reactions(url, comment.reactions)},'
        f'"performed_via_github_app":null}}'
    )


def review_comment_json(comment: ReviewComment) -> str:
    """JSON text of a comment on a line as `/pulls/comments` has it."""
    review, issue = comment.review, comment.review.issue
    api, web = f"{API}/repos/{issue.repository.full_name}", f"{WEB}/{issue.repository.full_name}"
    url = f"{api}/pulls/comments/{comment.comment_id}"
    html = f"{web}/pull/{issue.number}#discussion_r{comment.comment_id}"
    pull = f"{api}/pulls/{issue.number}"
    reply = f'"in_reply_to_id":{comment.reply_to.comment_id},' if comment.reply_to else ""
    links = f'{{"self":{{"href":"{url}"}},"html":{{"href":"{html}"}},"pull_request":{{"href":"{pull}"}}}}'
    return (
        f'{{"url":"{url}","pull_request_review_id":{review.review_id},"id":{comment.comment_id},'
        f'"node_id":"{node_id("PRRC", issue.repository.repository_id, comment.comment_id)}",'
        f'"diff_hunk":"@@ -1 +1 @@","path":{text(comment.path)},"commit_id":"{"0" * 40}",'
        f'"original_commit_id":"{"0" * 40}",{reply}{word_json(comment.author)}"body":"A remark",'
        f'"created_at":"{iso(comment.created_at)}","updated_at":"{iso(comment.updated_at)}",'
        f'"html_url":"{html}","pull_request_url":"{pull}","_links":{links},'
        f'"reactions":{_reactions(url, comment.reactions)},"start_line":null,"original_start_line":null,'
        f'"start_side":null,"line":1,"original_line":1,"side":"RIGHT","original_position":1,"position":1,'
        f'"subject_type":"line"}}'
    )


def word_json(author: User | None) -> str:
    """JSON text of who wrote something, as lists have it: the account `ghost` for a deleted one."""
    shown = author or GHOST
    association = author.association if author else "NONE"
    return f'"user":{user_json(shown)},"author_association":"{association}",'
