"""What each row of a table of requests may cost at worst, as a column."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType, StructField, StructType

from udfs.llm.cost import worst_case
from udfs.llm.models import Prices
from udfs.llm.wave import EndpointKey

_USD = DecimalType(38, 12)
_WORST = StructType([StructField("one_usd", _USD), StructField("all_usd", _USD)])


def worst_cases(prices: Mapping[EndpointKey, Prices], attempts: int) -> Column:
    """What the next attempt of a request costs at worst (`one_usd`), and all of them (`all_usd`), as a struct.

    Args:
        prices: of each endpoint that is asked.
        attempts: made of a request at most.

    Returns:
        A column over provider, model, prompt_tokens_bound, max_tokens, max_tokens_cap and was_cut.
    """
    worst = F.udf(_worst_of(prices, attempts), _WORST, useArrow=False)
    return worst("provider", "model", "prompt_tokens_bound", "max_tokens", "max_tokens_cap", "was_cut")


def _worst_of(prices: Mapping[EndpointKey, Prices], attempts: int) -> Callable[..., tuple[Decimal, Decimal]]:
    def worst(
        provider: str, model: str, bound: int, max_tokens: int, cap: int, was_cut: bool
    ) -> tuple[Decimal, Decimal]:
        of, longest = prices[provider, model], max(max_tokens, cap)
        most = worst_case(bound, longest, of)
        return most if was_cut else worst_case(bound, max_tokens, of), attempts * most

    return worst
