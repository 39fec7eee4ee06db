# What every test may ask for, and which tests need something that a machine may lack.

from __future__ import annotations

import functools
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from stemhouse.cli.beginning import for_good

ROOT = Path(__file__).resolve().parent.parent

# A machine that does much else may take its time over any example: what hangs is ended by pytest.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-weights",
        action="store_true",
        help="fail, instead of skipping, where the real weights are not installed",
    )
    parser.addoption("--network", action="store_true", help="run the tests that use the network")
    parser.addoption(
        "--faults",
        action="store_true",
        help="run the tests that kill and freeze real workers (about ten minutes)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # All modules and 5,000 tests stay until the end.
    with for_good():
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("faults") and not config.getoption("--faults"):
            item.add_marker(pytest.mark.skip(reason="mistreats workers: give --faults"))
        if item.get_closest_marker("network"):
            item.add_marker(pytest.mark.enable_socket)
            if not config.getoption("--network"):
                item.add_marker(pytest.mark.skip(reason="uses the network: give --network"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("weights") and (missing := _why_no_weights()):
        if item.config.getoption("--require-weights"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)


@functools.cache
def _why_no_weights() -> str:
    from stemhouse.engine.catalogue import find_card
    from stemhouse.engine.weights import ModelStore

    if ModelStore().installed(find_card("spleeter-2stems")):
        return ""
    return "the weights are not installed: run stemhouse models pull spleeter-2stems"


@pytest.fixture(scope="session")
def demo_song() -> Path:
    # The song that the project carries: FLAC, 12 s, 44.1 kHz, stereo, 16 bit.
    return ROOT / "examples" / "voice-over-guitars.flac"


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    # Further reference audio beside the checkout, where there is any.
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("there is no ../shared folder with further reference audio")
    return folder
