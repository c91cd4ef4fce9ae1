from __future__ import annotations

from results.choosing import Standing
from tests.results.test_records import a_trial, changed
from trackers.plots.architecture import architecture_figure

FULL = {"layers": [0, 1, 2, 3, 4, 5], "heads": [12] * 6, "ffn_sizes": [1536] * 6, "hidden_size": 384}


def test_each_layer_shows_what_is_left_of_it() -> None:
    candidate = a_trial(0).candidate
    compression = {"quantisation": "int4", "vocabulary": 7630}
    chosen = a_trial(1, candidate=changed(candidate, architecture={"ffn_sizes": [64, 128]}, compression=compression))
    full = a_trial(0, candidate=changed(candidate, architecture=FULL))
    standing = Standing(trials=(full, chosen), front=(1,), recommended=1)
    figure = architecture_figure(chosen, standing)
    heads, rest, channels, _ = figure.data
    assert list(heads.x) == [4, 0, 0, 0, 0, 4]
    assert list(rest.x) == [8, 12, 12, 12, 12, 8]
    assert list(channels.text) == ["64", "removed", "removed", "removed", "removed", "128"]
    assert "384 wide, quantisation int4, 7630 word pieces" in figure.layout.title.text
