"""Spells a repository as `GET /repos/{owner}/{repo}` does."""

import json
from typing import Any

from gitpulse_assets.sandbox.model import Repository, User, node_id
from gitpulse_assets.sandbox.render import API, WEB, user_json
from gitpulse_assets.sandbox.times import iso

# Suffixes of the URLs that lead to a repository's parts.
PART_URLS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def repository_bytes(repository: Repository, now: int, owner_kind: str = "Organization") -> bytes:
    """The REST record of a repository; `now` in Unix seconds, `owner_kind` its owner's type."""
    full_name = repository.full_name
    api, web = f"{API}/repos/{full_name}", f"{WEB}/{full_name}"
    owner_id = repository.owner_id
    owner = User(owner_id, repository.owner, owner_kind, node_id("O", owner_id))
    pushed_at = iso(max(repository.created_at, repository.pushed_at))
    record: dict[str, Any] = {
        "id": repository.repository_id,
        "node_id": repository.node_id,
        "name": repository.name,
        "full_name": full_name,
        "private": False,
        "owner": json.loads(user_json(owner)),
        "html_url": web,
        "description": None,
        "fork": False,
        "url": api,
        **{key: f"{api}{suffix}" for key, suffix in PART_URLS.items()},
        "created_at": iso(repository.created_at),
        "updated_at": pushed_at,
        "pushed_at": pushed_at,
        "git_url": f"git://github.com/{full_name}.git",
        "ssh_url": f"git@github.com:{full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        **_settings(repository),
        **_counts(repository, now),
    }
    return json.dumps(record, separators=(",", ":")).encode()


def _settings(repository: Repository) -> dict[str, Any]:
    return {
        "homepage": None,
        "language": "Python",
        "has_issues": repository.has_issues,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": True,
        "mirror_url": None,
        "archived": repository.is_archived,
        "disabled": False,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "public",
        "default_branch": "main",
        "temp_clone_token": None,
    }


def _counts(repository: Repository, now: int) -> dict[str, int]:
    star_count = repository.star_count(now)
    # GitHub's open_issues counts open pull requests too.
    open_count = sum(repository.open_count(is_pull_request=is_one) for is_one in (False, True))
    open_count += repository.unlisted_open_count
    return {
        "size": 108,
        "stargazers_count": star_count,
        "watchers_count": star_count,
        "forks_count": 9,
        "open_issues_count": open_count,
        "forks": 9,
        "open_issues": open_count,
        "watchers": star_count,
        "network_count": 9,
        "subscribers_count": 42,
    }
