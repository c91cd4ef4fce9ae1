from __future__ import annotations

import io

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.image import imread

from tests.trackers.plots.test_choices import STANDING, STUDY
from trackers.plots import plots
from trackers.plots.png import WIDTH, png

FIGURES = plots(STUDY, STANDING)
BLUE = np.array([0x00, 0x72, 0xB2]) / 255


def blue_pixels(figure: go.Figure) -> int:
    picture = imread(io.BytesIO(png(figure)))
    assert picture.shape[1] == pytest.approx(WIDTH, abs=2)
    return int((np.abs(picture[:, :, :3] - BLUE).max(axis=2) < 0.02).sum())


@pytest.mark.parametrize("name", ["front", "architecture", "hypervolume", "choices", "importances"])
def test_every_plot_shows_what_it_has_in_blue(name: str) -> None:
    assert blue_pixels(FIGURES[name]) > 50


def test_a_front_of_more_members_shows_more_of_them() -> None:
    figure = go.Figure(FIGURES["front"])
    once = blue_pixels(figure)
    figure.data[2].x, figure.data[2].y = [4.5, 6.0, 7.5], [0.57, 0.59, 0.58]
    assert blue_pixels(figure) > 1.5 * once  # the legend has one too
