#!/usr/bin/env bash
# Puts a report into the one comment that it keeps on a pull request: review-comment.sh REPORT
#
# It runs where a token may write, so it trusts nothing of the report, which was made by the pull request's own code: the
# text is cut to size and mentions nobody. Which pull request is meant is asked of GitHub by the branch and the commit
# that GitHub itself said were built. Only a comment of its own author that begins with its mark is ever changed.
#
# Environment: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL, HEAD_OWNER, HEAD_BRANCH, HEAD_SHA; REVIEW_AUTHOR is the
# login behind the token, github-actions[bot] unless it is another.
set -euo pipefail

readonly MARK='<!-- tocsin-review -->'
# GitHub takes 65,536 characters; the mark and a note need some.
readonly LIMIT=65000
# A file larger than this was not made by review_report.py.
readonly LARGEST=1000000
readonly MOST_PAGES=50

say() { printf 'review-comment: %s\n' "$*"; }

fail() {
    printf 'review-comment: %s\n' "$*" >&2
    exit 1
}

report=${1:?usage: review-comment.sh REPORT}
author=${REVIEW_AUTHOR:-github-actions[bot]}
api=${GITHUB_API_URL:-https://api.github.com}
: "${GITHUB_TOKEN:?}" "${GITHUB_REPOSITORY:?}" "${HEAD_OWNER:?}" "${HEAD_BRANCH:?}" "${HEAD_SHA:?}"

if [ -L "$report" ] || [ ! -f "$report" ]; then
    fail "there is no report $report"
fi
[ "$(wc -c <"$report")" -le "$LARGEST" ] || fail "the report is larger than $LARGEST bytes"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# In a file, since arguments can be read by every process of the machine.
(umask 077 && printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN" >"$work/headers")

# call METHOD PATH [BODY]: the answer is in $work/answer. Reads and replacements are tried again; a comment is created
# once, for an answer that got lost would make a second one.
call() {
    local method=$1 path=$2 status
    local options=(--silent --show-error --max-time 30 --request "$method" --output "$work/answer" --write-out '%{http_code}')
    options+=(--header "@$work/headers" --header 'Accept: application/vnd.github+json')
    options+=(--header 'X-GitHub-Api-Version: 2022-11-28')
    [ "$method" = POST ] || options+=(--retry "${RETRIES:-3}" --retry-delay "${RETRY_SECONDS:-2}")
    [ $# -lt 3 ] || options+=(--header 'Content-Type: application/json' --data-binary "@$3")
    status=$(curl "${options[@]}" "$api/repos/$GITHUB_REPOSITORY/$path") || fail "$method $path got no answer"
    case $status in
    2*) ;;
    *) fail "$method $path was answered with $status: $(jq -r '.message? // empty' "$work/answer" 2>/dev/null | head -c 300)" ;;
    esac
}

# The text: its own mark first, cut at a whole line, and with a joiner that isn't seen after each @ that could be a
# mention, however it is spelt. Whatever bytes it has, it becomes text.
jq --raw-input --slurp --arg mark "$MARK" --argjson limit "$LIMIT" '
    def after($mark; $start; $inserted):
        split($mark) | .[0:1] + (.[1:] | map(if test($start) then $inserted + . else . end)) | join($mark);
    (after("@"; "^[A-Za-z0-9]"; "\u2060") | after("&"; "^(#|commat)"; "amp;")) as $text
    | (if ($text | length) <= $limit then $text
       else ($text[0:$limit] | split("\n")[0:-1] | join("\n")) + "\n\nThe rest is left out here for lack of room.\n" end)
    | {body: ($mark + "\n" + .)}
' "$report" >"$work/body"

head=$(jq -rn --arg owner "$HEAD_OWNER" --arg branch "$HEAD_BRANCH" '$owner + ":" + $branch | @uri')
call GET "pulls?state=open&head=$head&per_page=100"
number=$(jq -r --arg sha "$HEAD_SHA" '[.[] | select(.head.sha == $sha) | .number] | if length == 1 then .[0] else empty end' "$work/answer")
if ! [[ $number =~ ^[0-9]+$ ]]; then
    say "no single open pull request has $HEAD_SHA as its head; a newer push reports for itself"
    exit 0
fi

comment=
for ((page = 1; page <= MOST_PAGES; page++)); do
    call GET "issues/$number/comments?per_page=100&page=$page"
    comment=$(jq -r --arg author "$author" --arg mark "$MARK" \
        '[.[] | select(.user.login == $author and (.body | startswith($mark))) | .id] | .[0] // empty' "$work/answer")
    [ -z "$comment" ] || break
    [ "$(jq length "$work/answer")" -eq 100 ] || break
done

if [ -n "$comment" ]; then
    call PATCH "issues/comments/$comment" "$work/body"
    say "updated comment $comment of pull request $number"
else
    call POST "issues/$number/comments" "$work/body"
    say "commented on pull request $number"
fi
