"""What Slack's error codes mean. Pure.

Slack answers most faults with status 200, `"ok": false` and a code. The codes are those of the error tables of
chat.postMessage, chat.update, conversations.history and conversations.replies (docs.slack.dev).
"""

from __future__ import annotations

from collections.abc import Mapping

from router.notifier import Reason, Rejected, Retry

RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

NOT_HANDLED = frozenset(
    {"service_unavailable", "request_timeout", "team_added_to_org", "org_login_required", "external_channel_migrating"}
)
"""Slack is in trouble and did nothing. request_timeout: what we sent arrived truncated."""

MAYBE_HANDLED = frozenset({"fatal_error", "internal_error", "update_failed"})
"""Slack says of these that some part of the operation may have succeeded."""

NO_SUCH_DESTINATION = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "is_inactive",
        "channel_type_not_supported",
        "method_not_supported_for_channel_type",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_not_found",
        "messages_tab_disabled",
    }
)

BAD_CREDENTIALS = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "access_denied",
        "accesslimited",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "restricted_action",
        "team_access_not_granted",
        "two_factor_setup_required",
        "deprecated_endpoint",
        "method_deprecated",
        "unknown_method",
    }
)
"""The token, or what the workspace lets it do; only a person can change that."""

BAD_MESSAGE = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "attachment_payload_limit_exceeded",
        "too_many_attachments",
        "block_mismatch",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "markdown_text_conflict",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "invalid_arguments",
        "invalid_arg_name",
        "invalid_array_arg",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_post_type",
        "json_not_object",
        "missing_post_type",
        "duplicate_message_not_allowed",
    }
)

MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "streaming_state_conflict"})
"""An edit that can't be made, by anybody or by us: the message is posted anew."""

THREAD_GONE = frozenset({"thread_not_found", "message_not_found", "invalid_thread_ts"})
"""A reply's parent was deleted: the message is posted anew."""

NO_THREADS = frozenset({"cannot_reply_to_message", "restricted_action_non_threadable_channel"})
"""Nobody can reply here: the message alone has to tell."""


def judge_code(code: str, detail: str, *, after: float | None = None) -> Retry | Rejected:
    """What an `"ok": false` means. `detail` says what was called and what Slack said; `after` is its Retry-After.

    A code that isn't known is tried again, as a bad answer: it may be as passing as a new name for an old trouble, and
    when it isn't, the attempts are spent and a person sees the dead letter with the code in it. Since Slack may have
    acted, it is looked up first.
    """
    if code in RATE_LIMITED:
        return Retry(Reason.RATE_LIMITED, after, detail=detail)
    if code in NOT_HANDLED:
        return Retry(Reason.UNAVAILABLE, after, detail=detail)
    if code in MAYBE_HANDLED:
        return Retry(Reason.UNAVAILABLE, after, maybe_shown=True, detail=detail)
    if code in NO_SUCH_DESTINATION:
        return Rejected(Reason.NO_SUCH_DESTINATION, "destination", detail)
    if code in BAD_CREDENTIALS:
        return Rejected(Reason.BAD_CREDENTIALS, "destination", detail)
    if code in BAD_MESSAGE:
        return Rejected(Reason.BAD_MESSAGE, "message", detail)
    return Retry(Reason.BAD_ANSWER, after, maybe_shown=True, detail=f"{detail}: an unknown error code")


def words(answer: Mapping[str, object]) -> str:
    """What Slack says beside the code: which scope is missing, which block is wrong."""
    said = [f"needed: {answer['needed']}"] if isinstance(answer.get("needed"), str) else []
    metadata = answer.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    said += [message for message in messages if isinstance(message, str)] if isinstance(messages, list) else []
    return "; ".join(said)
