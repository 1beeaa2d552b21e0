"""What a CI service runs for each change that is proposed: check, plan, and the plan as a comment of the review."""

from __future__ import annotations

GITHUB = """\
# Checks and plans every change of this mesh. The plan is a comment of the pull request, which the next push updates.
# It is compared with what is registered: let `registry` in weft.toml (or WEFT_MESH__REGISTRY) lead to the registry of
# production, of which a plan reads only; without it every port is new.
name: weft
on: [pull_request]
permissions:
  contents: read
  pull-requests: write
concurrency:
  group: weft-${{ github.ref }}
  cancel-in-progress: true
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.13"}
      - run: pip install weft
      - run: weft check
      - run: weft test
      - name: plan
        run: |
          status=0
          weft plan --format markdown > plan.md || status=$?
          cat plan.md >> "$GITHUB_STEP_SUMMARY"
          echo "PLAN_STATUS=$status" >> "$GITHUB_ENV"
      - name: comment
        # the token of a fork's pull request may not write
        if: github.event.pull_request.head.repo.full_name == github.repository
        env:
          GH_TOKEN: ${{ github.token }}
          PULL_REQUEST: ${{ github.event.pull_request.number }}
        run: |
          test -s plan.md || exit 0
          comments="repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments"
          bots='.[] | select(.user.login == "github-actions[bot]") | "\\(.id) \\(.body | split("\\n") | first)"'
          marker=$(head -n 1 plan.md)
          ours=$(gh api --paginate "$comments" --jq "$bots" | grep -F -- "$marker" | head -n 1 | cut -d " " -f 1)
          if test -n "$ours"; then
            gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$ours" -F body=@plan.md
          else
            gh api --silent --method POST "$comments" -F body=@plan.md
          fi
      - name: refused or not
        run: exit "$PLAN_STATUS"
"""

GITLAB = """\
# Checks and plans every change of this mesh. The plan is kept with the job, and with a token in the variable
# WEFT_COMMENT_TOKEN (scope api) it is a comment of the merge request, which the next push updates.
# It is compared with what is registered: let `registry` in weft.toml (or WEFT_MESH__REGISTRY) lead to the registry of
# production, of which a plan reads only; without it every port is new.
weft:
  image: python:3.13
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  before_script:
    - pip install weft
  script:
    - weft check
    - weft test
    - status=0
    - weft plan --format markdown > plan.md || status=$?
    - cat plan.md
    - |
      if test -s plan.md && test -n "$WEFT_COMMENT_TOKEN"; then
        notes="$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
        token="PRIVATE-TOKEN: $WEFT_COMMENT_TOKEN"
        id='import json, sys; print(*[n["id"] for n in json.load(sys.stdin) if n["body"].startswith(sys.argv[1])][:1])'
        ours=$(curl --fail --silent --show-error --header "$token" "$notes?per_page=100&sort=asc" \\
          | python3 -c "$id" "$(head -n 1 plan.md)")
        if test -n "$ours"; then method=PUT; notes="$notes/$ours"; else method=POST; fi
        curl --fail --silent --show-error --output /dev/null --request "$method" --header "$token" \\
          --data-urlencode "body@plan.md" "$notes"
      fi
    - exit $status
  artifacts:
    when: always
    paths: [plan.md]
"""

FILES = {"github": (".github/workflows/weft.yml", GITHUB), "gitlab": (".gitlab-ci.yml", GITLAB), "none": None}
"""By the name of a service, the path and text of its file."""
