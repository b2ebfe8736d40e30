"""Amounts of money for people."""

from decimal import ROUND_CEILING, Decimal


def dollars(amount: Decimal) -> str:
    """An amount for people: cents, rounded up."""
    return f"${amount.quantize(Decimal('0.01'), ROUND_CEILING):,}"


def cents(amount: Decimal, rounding: str = ROUND_CEILING) -> str:
    """An amount in cents, or with as many digits as a smaller one needs to be seen; what is spent is rounded up."""
    step = Decimal("0.01") if amount >= Decimal("0.01") or not amount else Decimal("0.000001")
    return f"${amount.quantize(step, rounding):,}"
