"""The world that the tests of the tables look at, built once."""

from __future__ import annotations

import pytest
from published_world import built_world


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return built_world(tmp_path_factory.mktemp("world") / "data", 3)


@pytest.fixture(scope="session", params=[3, pytest.param(11, marks=pytest.mark.slow)])
def any_world(request, tmp_path_factory):
    """The world, and where time allows it another one."""
    if request.param == 3:
        return request.getfixturevalue("world")
    return built_world(tmp_path_factory.mktemp("another") / "data", request.param)
