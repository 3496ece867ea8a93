"""Networks by name and by number."""

import pytest

from ritornello.model.options import NetworkOptions, load_preset, preset_names


def test_the_presets_are_those_of_the_design():
    assert preset_names() == ["attention", "large", "lstm", "performance", "tiny", "transformer"]
    presets = {n: load_preset(n) for n in preset_names()}
    transformer = presets.pop("transformer")
    assert (transformer.kind, transformer.attention) == ("transformer", 512)
    sizes = {n: (p.layers, p.width, p.embedding) for n, p in presets.items()}
    exercise = (2, 256, 256)
    assert sizes == {"tiny": (1, 128, 128), "lstm": exercise, "attention": exercise, "large": (3, 512, 512)} | {
        "performance": (3, 192, 128)
    }
    assert {n: p.attention for n, p in presets.items()} == {
        "attention": 40,
        "large": 0,
        "lstm": 0,
        "performance": 0,
        "tiny": 0,
    }


def test_an_unknown_preset_is_answered_with_the_names():
    with pytest.raises(
        ValueError, match=r"no such preset: 'huge'; there are attention, large, lstm, perf.*, tiny, tr"
    ):
        load_preset("huge")
    with pytest.raises(ValueError, match="no such preset"):
        load_preset("../presets/lstm")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layers", 0),
        ("layers", 9),
        ("width", 7),
        ("width", 4097),
        ("embedding", 0),
        ("attention", -1),
        ("attention", 513),
        ("chain", 0),
        ("heads", 0),
        ("heads", 17),
        ("dropout", 1.0),
        ("dropout", -0.1),
    ],
)
def test_a_field_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=f"{field} must be .* not {value}"):
        NetworkOptions(**{field: value})
