# What clients of the tests trust. To read the system's certificates takes far longer than most
# requests, and a client without this reads them anew.

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
