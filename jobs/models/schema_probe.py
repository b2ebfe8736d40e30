"""Does a model follow a JSON schema? One short call, made only where calls cost nothing."""

import json
from collections.abc import Mapping

from openai import APIError

from jobs.models.client import as_provider_error, open_client
from udfs.llm.models import Endpoint

# A word that nobody says unasked: a server that ignores the schema gives itself away.
_WORD = "quokka"
_SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string", "enum": [_WORD]}},
    "required": ["word"],
    "additionalProperties": False,
}
_MAX_TOKENS = 50


def probe_schema(endpoint: Endpoint, environment: Mapping[str, str]) -> str | None:
    """Ask for an answer that only the schema tells.

    Returns:
        What is wrong, or null where the model follows the schema.
    """
    more = {name: json.loads(value) for name, value in endpoint.profile.extra_body}
    try:
        completion = open_client(endpoint, environment).chat.completions.create(
            model=endpoint.model,
            messages=[{"role": "user", "content": "Say hello."}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "probe", "schema": _SCHEMA, "strict": True},
            },
            extra_body={endpoint.profile.max_tokens_field: _MAX_TOKENS, **more},
        )
        text = completion.choices[0].message.content or ""
        follows = json.loads(text) == {"word": _WORD}
    except APIError as error:
        return str(as_provider_error(error, endpoint, environment))
    except (ValueError, LookupError, TypeError, AttributeError):  # whatever such a server sends
        follows = False
    return None if follows else "it answers as if there were none"
