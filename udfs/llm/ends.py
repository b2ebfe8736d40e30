"""How an answer ended, by the word that the provider gives: a closed list makes it whole, and nothing else does.

| `finish_reason`, in any spelling | then |
|---|---|
| `stop`, `end_turn`, `eos_token`, `stop_sequence`, `COMPLETE` and the like | whole: it is exported |
| `length`, `max_tokens`, `model_length`, `MAX_TOKENS` and the like | out of room: once more with more room |
| `content_filter`, `SAFETY`, `RECITATION`, `sensitive` and the like | the filter held it back |
| `refusal` | the model refused |
| `error`, `abort`, `insufficient_system_resource` and the like | broken off: asked again |
| anything else, `tool_calls` and none at all among it | not known to be whole: named in the report, not exported |
"""

from typing import Literal

from udfs.llm.error_body import normal

End = Literal["whole", "out_of_room", "filtered", "refused", "broken_off", "unknown"]


def _words(text: str) -> frozenset[str]:
    return frozenset(normal(word) or word for word in text.split())


_WHOLE = _words(
    "stop end_turn eos eos_token eos_found stop_sequence stop_token stop_word stop_words stop_str "
    "complete completed finish finished endoftext end_of_text done eot eot_id im_end stop_sequence_reached"
)
_OUT_OF_ROOM = _words(
    "length max_tokens max_length model_length max_output_tokens max_new_tokens max_completion_tokens token_limit "
    "model_context_window_exceeded context_length context_length_exceeded context_window_exceeded limit error_limit "
    "output_limit max_tokens_reached length_capped length_limit truncated incomplete"
)
_OUT_OF_ROOM_PARTS = (
    "length",
    "maxtokens",
    "tokenlimit",
    "outoftokens",
    "tokensreached",
    "tokensexceeded",
    "toolong",
    "cachefull",
)
_FILTERED = _words("spii risk risk_control error_toxic toxic image_safety language")
_FILTERED_PARTS = (
    *(
        "safety",
        "filter",
        "policy",
        "moderat",
        "prohibit",
        "blocklist",
        "blocked",
        "guardrail",
        "sensitive",
        "recitation",
        "censor",
    ),
    *("flagged", "harm", "violat", "toxic", "modelarmor", "copyright", "unsafe"),
)
_REFUSED = _words("refusal refused declined")
_BROKEN_OFF = _words(
    "error errors abort aborted cancel canceled cancelled user_cancel insufficient_system_resource network_error "
    "timeout time_limit max_time deadline_exceeded timed_out failed failure interrupted not_finished server_error "
    "internal_error overloaded "
    "engine_overloaded overload disconnect disconnected preempted shutdown server_shutdown unavailable exception "
    "user_stopped model_unloaded rate_limit oom"
) | {"error", ""}
_BROKEN_OFF_PARTS = ("cancel", "disconnect", "abort", "outofmemory", "died", "crash", "killed", "preempt", "timeout")


def end_of(finish_reason: object) -> End:
    """What a provider's word for the end of an answer means."""
    if not isinstance(finish_reason, str) or not finish_reason.strip():
        return "unknown"
    word = finish_reason.strip().lower()
    word = normal(word.replace("finish_reason", "").replace("finishreason", "").replace("finish reason", "")) or "error"
    is_error = "error" in finish_reason.lower() or "exception" in finish_reason.lower()
    for words, end in _LISTS:
        if word in words:
            return "broken_off" if end == "whole" and is_error else end  # an error after its name is no end
    return next((end for parts, end in _PART_LISTS if any(part in word for part in parts)), "unknown")


_LISTS: tuple[tuple[frozenset[str], End], ...] = (
    (_WHOLE, "whole"),
    (_OUT_OF_ROOM, "out_of_room"),
    (_FILTERED, "filtered"),
    (_REFUSED, "refused"),
    (_BROKEN_OFF, "broken_off"),
)
_PART_LISTS: tuple[tuple[tuple[str, ...], End], ...] = (
    (_FILTERED_PARTS, "filtered"),
    (_OUT_OF_ROOM_PARTS, "out_of_room"),
    (_BROKEN_OFF_PARTS, "broken_off"),
)
