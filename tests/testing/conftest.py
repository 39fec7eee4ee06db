from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from stemhouse.testing.clock import ManualClock
from stemhouse.testing.stripe import FakeStripe, running_stripe
from tests.testing.shop import Shop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def fake() -> Iterator[FakeStripe]:
    # One for all tests: each opens accounts of its own in it.
    with running_stripe() as fake:
        yield fake


@pytest.fixture
def open_shop(fake: FakeStripe, clock: ManualClock) -> Iterator[Callable[[str], Shop]]:
    with ExitStack() as stack:

        def open_one(key: str) -> Shop:
            shop = Shop(fake, clock, fake.open_account(key, clock=clock), key)
            return stack.enter_context(closing(shop))

        yield open_one


@pytest.fixture
def shop(open_shop: Callable[[str], Shop]) -> Shop:
    return open_shop("sk_test_of_the_first_shop")
