"""Writes a summary into a comment on the pull request: the same one each time, so that they do not pile up.

Everything comes as environment variables: INPUT_SUMMARY (a file), INPUT_TOKEN, INPUT_COMMAND and
INPUT_INVENTORY, and GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_EVENT_PATH of the runner. Needs only Python.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PAGE, MOST_PAGES = 100, 50
TIMEOUT_S = 30


def main() -> int:
    """Comment; says so and does nothing where the event is about no pull request."""
    number = _pull_request()
    if number is None:
        print("no pull request: no comment")
        return 0
    marker = _marker(os.environ.get("INPUT_COMMAND", "plan"), os.environ.get("INPUT_INVENTORY", ""))
    body = f"{marker}\n{Path(os.environ['INPUT_SUMMARY']).read_text('utf-8')}"
    issues = f"/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    try:
        earlier = _earlier(f"{issues}/{number}/comments", marker)
        if earlier is None:
            _ask("POST", f"{issues}/{number}/comments", {"body": body})
        else:
            _ask("PATCH", f"{issues}/comments/{earlier}", {"body": body})
    except urllib.error.HTTPError as error:
        hint = "the job needs 'permissions: pull-requests: write'" if error.code in (401, 403, 404) else ""
        print(f"::error::the comment was refused: {error.code} {error.reason}%0A{hint}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"::error::the comment could not be written: {error}", file=sys.stderr)
        return 1
    return 0


def _pull_request() -> int | None:
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    number = event.get("pull_request", {}).get("number") or (
        event.get("issue", {}).get("number") if event.get("issue", {}).get("pull_request") else None
    )
    return int(number) if number else None


def _marker(command: str, inventory: str) -> str:
    """What a comment is found again by: one a command and inventory. It cannot end an HTML comment."""
    return f"<!-- deploytool {re.sub(r'[^A-Za-z0-9_./]', '_', f'{command} {inventory}')} -->"


def _earlier(path: str, marker: str) -> int | None:
    for page in range(1, MOST_PAGES + 1):
        comments = _ask("GET", f"{path}?per_page={PAGE}&page={page}")
        for comment in comments:
            if str(comment.get("body", "")).startswith(marker):
                return int(comment["id"])
        if len(comments) < PAGE:
            break
    return None


def _ask(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com") + path
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise OSError(f"{url} is not an address with https")
    headers = {
        "Authorization": f"Bearer {os.environ['INPUT_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
    }
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main())
