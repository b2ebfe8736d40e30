"""What a run ends with: what to type next, and which licences nobody has named."""

from jobs.config.settings import Settings
from jobs.reports.summary import what_next


def test_what_to_type_next_takes_the_configuration_as_it_was_typed():
    sources = [{"name": "a", "path": "a", "licence": "unknown"}, {"name": "b", "path": "b", "licence": "MIT"}]

    lines = what_next(Settings.model_validate({"sources": sources}), "my file.yaml")

    assert lines[0].startswith("licences:      not known of a; name them under `licence:`")
    assert "phase0 show --config 'my file.yaml' --reason selected -n 5" in lines[1]
    assert lines[2].endswith("phase0 package --config 'my file.yaml'")
    assert len(what_next(Settings.model_validate({"sources": sources[1:]}), "x")) == 2
