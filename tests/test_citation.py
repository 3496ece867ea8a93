"""The citation file is of this version."""

import re
from pathlib import Path

from ritornello.version import VERSION

CITATION = Path(__file__).parents[1] / "CITATION.cff"


def test_the_citation_names_program_version_and_licence():
    fields = dict(re.findall(r"^([a-z-]+): (.+)$", CITATION.read_text("utf-8"), re.M))
    assert fields["version"] == VERSION
    assert (fields["cff-version"], fields["license"], fields["type"]) == ("1.2.0", "MIT", "software")
    assert "Ritornello" in fields["title"]
