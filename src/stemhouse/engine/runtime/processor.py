"""What the engine needs to know of the processor."""

from __future__ import annotations

import os
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux describes the processors."""


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def prefers_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Whether the processor computes the network faster in bfloat16 than in float32.

    That is so with AMX, and on AMD's processors with AVX512-BF16 (Zen 4 and later), which multiply
    twice as many pairs a cycle with it. Intel's without AMX have the same instructions and take
    longer with them. Known on Linux only; elsewhere the answer is no, which costs speed and never
    correctness.

    Parameters
    ----------
    cpu_info : Path
        The file that describes the processors.
    """
    flags = abilities(cpu_info).split()
    if "amx_bf16" in flags:
        return True
    return "avx512_bf16" in flags and _entry(cpu_info, "vendor_id") == "AuthenticAMD"


def abilities(cpu_info: Path = CPU_INFO) -> str:
    """Return the names of what the processor can do, as Linux writes them; elsewhere nothing.

    Parameters
    ----------
    cpu_info : Path
        The file that describes the processors.
    """
    return _entry(cpu_info, "flags") or _entry(cpu_info, "Features")


def _entry(cpu_info: Path, name: str) -> str:
    """Return what the first processor of the file says under `name`, or nothing."""
    try:
        text = cpu_info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
