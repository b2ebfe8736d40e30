"""Whose trouble an error is: the one place that looks at status, codes, words and headers of what a provider answers.

In this order, since each tells less than the one before: codes that mean one thing; words; codes that are general
(`rate_limit_exceeded` is also said of a request that is too large by itself); the status. A page of HTML is a
firewall's or a proxy's, and its words are nobody's. The table of `udfs.llm.failures` says what follows from each kind.
"""

import re
from collections.abc import Mapping

from udfs.llm.error_body import Stated, normal, read_error
from udfs.llm.failures import Failure, Kind, short_message
from udfs.llm.redaction import Redact, keep
from udfs.llm.retries import retry_after_seconds, said_seconds

_GATEWAY_LOST_THE_ANSWER = {502, 504, 520, 522, 524}
_WORDS_FROM = 2_000  # characters of a message that are looked at
_PLAIN_TEXT = 1_000  # of a body that is no JSON; what is longer is a page

_SPECIFIC: dict[Kind, str] = {
    "filtered": "content_filter content_policy_violation content_policy responsible_ai_policy_violation "
    "moderation_blocked moderation content_filtered invalid_prompt data_inspection_failed prompt_blocked "
    "input_moderation output_moderation content_moderation sensitive_content content_violation jailbreak "
    "guardrail_intervened prohibited_content safety_violation safety censorship_blocked",
    "too_large": "context_length_exceeded string_above_max_length request_too_large payload_too_large "
    "context_window_exceeded max_context_length_exceeded input_too_long prompt_too_long exceed_context_size "
    "request_entity_too_large tokens_limit_reached token_limit_reached array_above_max_length "
    "model_context_window_exceeded content_too_large",
    "billing": "insufficient_quota billing_hard_limit_reached billing_not_active insufficient_balance "
    "insufficient_credits insufficient_funds credit_limit_exceeded access_terminated account_deactivated "
    "payment_required exceeded_current_quota arrearage budget_exceeded billing billing_limit spend_limit_reached "
    "quota_exceeded_billing credits_exhausted account_suspended account_disabled organization_disabled "
    "no_credits free_tier_exhausted credits_required usage_limit_reached allocation_quota_free_tier_only "
    "organization_restricted token_quota_reached not_enough_balance resource_pack_exhausted",
    "not_found": "model_not_found model_not_available model_not_exist deployment_not_found invalid_model unknown_model "
    "model_decommissioned model_not_supported model_deprecated unsupported_model model_not_allowed "
    "model_access_denied key_model_access_denied team_model_access_denied model_not_active no_such_model "
    "unavailable_model",
    "broken_off": "json_validate_failed tool_use_failed",
    "auth": "invalid_api_key api_key_invalid authentication unauthorized unauthenticated invalid_token "
    "incorrect_api_key missing_api_key permission_denied permission unsupported_country_region_territory "
    "ip_not_authorized access_denied invalid_authentication unrecognized_client invalid_signature expired_token "
    "key_expired api_key_expired token_expired invalid_organization service_disabled",
}
_GENERAL: dict[Kind, str] = {
    "rate_limited": "rate_limit rate_limit_exceeded too_many_requests throttling throttled resource_exhausted requests "
    "tokens rate_limit_reached queue_exceeded request_limit_exceeded throttling_rate_quota",
    "transient": "server internal_server internal overloaded service_unavailable unavailable timeout api_connection "
    "provider_unavailable engine_overloaded model_loading bad_gateway gateway_timeout deadline_exceeded aborted "
    "model_not_ready model_timeout service_busy server_busy no_capacity capacity_exceeded api upstream network",
}
_REQUESTS_OWN_CODES = (
    "invalid_request_error invalid_request bad_request invalid_argument invalid_value invalid_type invalid_parameter "
    "unsupported_parameter unsupported_value validation_error unprocessable_entity"
)
_REQUESTS_OWN = frozenset(map(normal, _REQUESTS_OWN_CODES.split()))
_KIND_OF_CODE: dict[str, Kind] = {normal(code): kind for kind, codes in _SPECIFIC.items() for code in codes.split()}
_GENERAL_CODE: dict[str, Kind] = {normal(code): kind for kind, codes in _GENERAL.items() for code in codes.split()}
# Where an error has codes of several kinds, the first of these counts.
_PRECEDENCE: tuple[Kind, ...] = (
    *("filtered", "too_large", "billing", "not_found", "auth", "broken_off", "rate_limited", "transient"),
)

# Sentences that speak of other kinds by the way: a rate limit that a payment method raises, tokens that are too many
# for now, an account's project in which an API was never switched on.
_SENTENCES: tuple[tuple[Kind, str], ...] = (
    ("rate_limited", r"rate limit reached for|(?:increase|raise) your rate limits?|wait before trying again"),
    ("rate_limited", r"^(?!.*too large).*(?:per[- ](?:minute|min|day|hour|second)\b|rate limit exceeded:)"),
    ("auth", r"api has not been used in project"),
)
# In this order. What an account may not do any more is said before what a prompt may not say: an account that is
# "disabled for violating our usage policies" is no prompt.
_PHRASES: dict[Kind, tuple[str, ...]] = {
    "truncated": (
        r"(?:max_tokens|max_completion_tokens|output limit|output tokens?).{0,40}\bwas reached",
        r"could not finish the message",
        r"model output limit",
    ),
    "billing": (
        r"\b(?:account|organi[sz]ation|workspace|team|project|user|subscription)\b.{0,40}"
        r"\b(?:suspended|deactivated|disabled|banned|terminated|restricted|not active|in arrears|overdue|delinquent)\b",
        r"your (?:account|organi[sz]ation|project|resource|subscription|access) (?:has been|was|is) (?:\w+ )?blocked",
        r"credit balance|(?:insufficient|not enough) (?:\w+ )?(?:balance|credits?|funds|quota)"
        r"|(?:out of|no|not enough) credits\b"
        r"(?! (?:were|was|are|have|has|will|had)\b)",  # "no credits were charged" is said of a prompt that was flagged
        r"(?:balance|credits?|funds) (?:is|are|has|have)?(?: been)? ?(?:too low|insufficient|not enough|exhausted"
        r"|depleted|used up|negative|run out)",
        r"(?:hard|spend(?:ing)?|billing|credit|monthly|budget|usage) (?:hard |soft |spending |usage )?limit"
        r"s?\b.{0,40}\b(?:reached|exceeded|hit)",
        r"(?:reached|exceed(?:ed|s)?|hit|over) (?:your|the|its|their)\b.{0,40}"
        r"\b(?:usage limits?|spend(?:ing)? limits?|budget|included credits|hard limit|billing limit|credit limit)",
        r"key limit exceeded|budget has been exceeded|exceededbudget|max budget|payment (?:is )?required",
        r"exceeded your current (?:\w+ )?quota|check your plan and billing|purchase (?:more )?credits",
        r"add (?:more |a )?(?:credits?|funds|payment)|requires more credits|can only afford|top[- ]?up|recharge",
        r"free (?:tier|quota|usage|trial|allocation).{0,40}\b(?:exhausted|used up|ended|expired|over)\b",
        r"used up your (?:\w+ )?free|reached the set (?:\w+ )?limit",
        r"good standing|unpaid|past due|billing (?:is )?not active|prepaid|余额不足|欠费|額度|额度不足|账户余额",
        r"已用尽|已用完",
    ),
    "filtered": (
        r"\bflagged\b|\bmoderation\b|content (?:management )?(?:policy|policies|filter|violat|exists risk)",
        r"(?:usage|safety|content|acceptable use|community) (?:polic|guideline|system)|safety (?:filter|check|reasons)",
        r"responsible ai|responsibleai|inappropriate content|data inspection|considered high risk|high[- ]risk",
        r"prohibited (?:content|use)|blocked by (?:the |our )?(?:content|safety|guardrail|polic|filter|model armor)",
        r"(?:prompt|input|output|request|response|content)s? (?:was|were|is|are|has been) (?:blocked|filtered)"
        r"|blocked (?:prompt|input|output|response|content)\b|content you .{0,40} is blocked|illegal content|censor",
        r"guardrail|block_?reason|harm_category|sensitive (?:content|information|words?)|_sensitive\b",
        r"unsafe (?:content|prompt)",
        r"(?:violat\w*|against) .{0,40}(?:polic|guideline|terms|rules)|内容安全|敏感|违规|不安全",
    ),
    "too_large": (
        r"(?:maximum|max|model'?s?|available|allowed) (?:allowed )?(?:context|prompt|input|sequence|model)"
        r"[ _]?(?:length|size|window|tokens?|characters?)",
        r"context[ _](?:length|window|size|limit).{0,60}(?:exceed|too|larger|longer|smaller|limit|max|overflow|only)",
        r"(?:exceed\w*|over|beyond|than|outside) (?:\w+ ){0,5}context[ _]?(?:length|window|size|limit)?",
        r"(?:prompt|input|message|messages|request|text|string|conversation|content|payload|body|entity)s? "
        r"(?:\w+ ){0,3}"
        r"(?:is|are|was|were)? ?too (?:long|large|big|many)",
        r"too (?:many|large) (?:\w+ )?(?:input |prompt )?tokens|too many tokens|request too large|entity too large",
        r"token count .{0,40}exceeds|input tokens?.{0,40}(?:exceed|must be|greater|more than)",
        r"tokens? > \d+|max_new_tokens`? must be|reduce (?:the length|your (?:prompt|message|input))",
        r"must have (?:less|fewer) than \d+ tokens|range of input length|token limit exceeded",
        r"max tokens of \d+ exceeded|model(?:'s)? token limit",
        r"超长|(?:超过|超出|大于).{0,10}(?:长度|上下文|token)|(?:过长|太长)",
        r"(?:larger|longer) than the (?:max|context|limit)|maximum number of (?:input |prompt )?tokens"
        r"|exceeds? the (?:model's )?max(?:imum)? of \d|exceeds? the (?:maximum|max)"
        r" (?:number of )?(?:input |allowed |request )?(?:tokens|size|length|bytes)",
    ),
    "not_found": (
        r"model\b.{0,80}\b(?:does not exist|do(?:es)? not have access|not found|was not found|not supported|unknown"
        r"|isn't supported|(?:is )?not available|decommissioned|deprecated|retired|no longer|shut down"
        r"|cannot be found)",
        r"model (?:identifier|id|name) is (?:invalid|unknown|not valid)|llm provider not provided",
        r"(?:don't|do not|does not|doesn't|no) (?:have )?access to (?:the |this |that )?(?:\w+ )?model",
        r"(?:no such|unknown|invalid|unsupported) model\b|not a valid model|no endpoints found",
        r"deployment .{0,80}does not",
        r"unavailable model|access to (?:the )?model \S+ is restricted",
        r"non-serverless model|unable to access .{0,40}model",
        r"模型.{0,20}(?:不存在|不支持|已下线|未找到)|(?:不存在|不支持).{0,8}模型",
    ),
    "auth": (
        r"api[ _-]?key\b.{0,40}\b(?:invalid|incorrect|not valid|expired|missing|not provided|required|revoked"
        r"|suspended|deactivated|disabled|banned|restricted|blocked|leaked)\b|authentication is disabled",
        r"(?:invalid|incorrect|missing|expired|bad|wrong|no) (?:\w+ )?(?:api[ _-]?key|credential|auth|token\b|bearer)",
        r"unauthori[sz]ed|authentication (?:fail|required|error)|not authenticated|no auth credentials",
        r"country,? region|not available in your (?:country|region)|unsupported (?:country|region)"
        r"|location is not supported|access denied due to",
        r"(?:access|security|session) token\b.{0,40}\b(?:invalid|expired)",
        r"ip .{0,20}not allowed",
        r"user not found|permission (?:denied|to)|do(?:es)? not have (?:permission|access)|not authori[sz]ed",
        r"(?:无效|错误|过期|缺少)的? ?(?:api)? ?(?:密钥|令牌|key)",
        r"(?:密钥|令牌|key) ?(?:无效|错误|已?过期)|身份验证失败|鉴权失败|认证失败",
    ),
    "rate_limited": (
        r"rate[ _-]?limit|too many (?:concurrent )?requests|throttl|slow down",
        r"requests? (?:per|a|/) ?(?:min|day|sec|hour)|\b[rt]p[smd] limit",
        r"tokens? (?:per|a|/) ?(?:min|day|sec|hour)|request limit reached|quota|concurrency (?:limit|quota)|频率|并发",
    ),
    "transient": (
        r"overload|temporar|try again|retry|timed? ?out|unavailable|server (?:is )?busy|no capacity|at capacity"
        r"|upstream|internal (?:server )?error|went away|connection|currently loading|is loading|queue (?:is )?full"
        r"|系统繁忙|服务繁忙|稍后再试|稍后重试|超时|服务不可用",
    ),
}
_WORDS = tuple(
    (kind, re.compile(words))
    for kind, words in (*_SENTENCES, *((kind, "|".join(phrases)) for kind, phrases in _PHRASES.items()))
)
_MONEY = re.compile(r"credits?\b|prepa(?:id|y)|spend|balance")
_LIMIT = re.compile(r"\blimit:? (\d[\d,]*)", re.IGNORECASE)
_REQUESTED = re.compile(r"\brequested:? (\d[\d,]*)", re.IGNORECASE)
# The words of these are too common to be believed against a status that says otherwise.
_ONLY_WHERE_UNSAID: frozenset[Kind] = frozenset({"rate_limited", "transient"})


def status_failure(
    status: int | None, body: object, headers: Mapping[str, str], redact: Redact = keep, *, is_http: bool = True
) -> Failure:
    """Classify an error that a provider states.

    Args:
        status: of HTTP; null where none is known, as in a line of a batch or inside HTTP 200.
        body: of the response, as bytes or text or parsed.
        headers: of the response.
        redact: blots out keys; applied before anything is cut.
        is_http: whether the status came from HTTP; where a body alone names it, no gateway has lost an answer.
    """
    stated = read_error(body)
    if status is None:
        status = stated.status
    kind = kind_of(status, stated)
    said = redact(stated.message) or "no message"
    if kind == "too_large":  # what to set comes first, since a message is cut
        said = f"{_too_large_for(stated.message)}. It says: {said}"
    head = ["HTTP", str(status)] if status is not None and is_http else [str(status)] if status is not None else []
    message = " ".join([*head, *(redact(name) for name in stated.names), "-", said])
    retry_after = None
    if kind in ("rate_limited", "transient"):
        retry_after = retry_after_seconds(headers)
        retry_after = said_seconds(stated.message) if retry_after is None else retry_after
    billed = kind in ("truncated", "broken_off") or (
        is_http and kind == "transient" and status in _GATEWAY_LOST_THE_ANSWER
    )
    return Failure(kind, short_message(message), billed, retry_after)


def kind_of(status: int | None, stated: Stated) -> Kind:
    """Whose trouble an error is."""
    specific = {_KIND_OF_CODE[code] for code in stated.codes if code in _KIND_OF_CODE}
    words = _words_of(stated)
    # Gemini calls every limit a quota of your plan; only what it says of money is about money.
    is_quota_of_a_minute = bool(stated.codes & {"resourceexhausted"}) and not _MONEY.search(stated.message.lower())
    # What an API key may not do is said with codes that are also said of a prompt that is not wanted.
    if specific and not (specific == {"auth"} and words in ("filtered", "billing")):
        return next(kind for kind in _PRECEDENCE if kind in specific)
    if words is not None and words not in _ONLY_WHERE_UNSAID and not (is_quota_of_a_minute and words == "billing"):
        return _believed(words, status, stated)
    general = {_GENERAL_CODE[code] for code in stated.codes if code in _GENERAL_CODE}
    if general and status not in (401, 402, 403, 404, 410, 413):
        return next(kind for kind in _PRECEDENCE if kind in general)
    if status is None or (status == 400 and words in _ONLY_WHERE_UNSAID):
        return words or ("rejected" if stated.codes & _REQUESTS_OWN else "transient")
    return _kind_of_status(status, words)


def _words_of(stated: Stated) -> Kind | None:
    text = stated.message
    if stated.is_page or (not stated.is_api and len(text) > _PLAIN_TEXT):
        return None
    text = " ".join(text[:_WORDS_FROM].lower().replace("’", "'").split())
    limit, asked = _LIMIT.search(text), _REQUESTED.search(text)
    if limit and asked and "token" in text:  # of one request more than of a minute: waiting does not help
        return "too_large" if _number(asked) > _number(limit) else "rate_limited"
    return next((kind for kind, words in _WORDS if words.search(text)), None)


def _believed(words: Kind, status: int | None, stated: Stated) -> Kind:
    """Words against a status: a refused key is one whatever is said beside it, a prompt's size is told with 4xx."""
    if status == 401 and words in ("filtered", "too_large", "truncated", "not_found"):
        return "auth"
    if status == 402:
        return "billing"
    if words == "auth" and status in (400, 422, None) and not stated.is_api:
        return "rejected"
    return words


def _kind_of_status(status: int, words: Kind | None) -> Kind:
    if status == 402:
        return "billing"
    if status == 429:
        return "rate_limited"
    if status == 401:
        return "auth"
    if status == 403:
        return "rate_limited" if words == "rate_limited" else "forbidden"
    if status in (404, 410):
        return "not_found"
    if status in (413, 414, 431):
        return "too_large"
    if status == 451:
        return "filtered"
    if status in (408, 409, 423, 425) or status >= 500:
        return "transient"
    return "rejected"


def _too_large_for(message: str) -> str:
    limit, asked = _LIMIT.search(message), _REQUESTED.search(message)
    numbers = f"asked for {_number(asked):,} tokens of {_number(limit):,}; " if limit and asked else ""
    return f"{numbers}this request is larger than the limit: lower max_tokens, raise the limit, or shorten the prompt"


def _number(match: re.Match[str]) -> int:
    return int(match[1].replace(",", "")[:18])
