"""Which rules of the screen apply to which source."""

from collections.abc import Sequence

from jobs.config.settings import ScreenConfig, Settings, SourceConfig
from udfs.screen.rules import Rule, enabled_rules, load_rules
from udfs.screening import RulesBySource


def rules_by_source(sources: Sequence[SourceConfig], config: ScreenConfig) -> RulesBySource:
    """The rules that apply to each source.

    Raises:
        ConfigError: a rule that is switched off does not exist; names the known ones.
    """
    rules = load_rules()
    return {source.name: enabled_rules(rules, {*config.rules_off, *source.rules_off}) for source in sources}


def require_known_rules(settings: Settings) -> None:
    """Refuse names of rules that are none, before anything is read.

    Raises:
        ConfigError: names them, and the known ones.
    """
    rules_by_source(settings.sources, settings.screen)


def rule_names(rules: RulesBySource) -> list[str]:
    """Names of all rules that are on for at least one source, in order."""
    ordered: dict[str, Rule] = {rule.name: rule for active in rules.values() for rule in active}
    return list(ordered)
