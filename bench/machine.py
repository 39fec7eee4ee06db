"""What was measured on: without it a number of seconds says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import psutil

# What decides how fast the network runs: which precision the processor multiplies natively.
TELLING_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "amx_fp16",
    "asimd",
    "bf16",
)
PACKAGES = ("stemhouse", "openvino", "onnxruntime", "numpy", "scipy", "av", "soxr")


def describe_machine() -> list[str]:
    """Return what the machine and the installation are, a line each."""
    model, flags = _processor()
    memory_gib = psutil.virtual_memory().total / 2**30
    telling = [flag for flag in TELLING_FLAGS if flag in flags]
    return [
        f"{model}, {usable_cores()} of {os.cpu_count()} cores, {memory_gib:.0f} GiB of memory"
        + (f"; {' '.join(telling)}" if telling else ""),
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name))),
    ]


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(psutil.Process().cpu_affinity()) if psutil.LINUX else os.cpu_count() or 1


def busy() -> float:
    """Return the share of the cores that others were using over the last minute, 0 to 1."""
    return min(1.0, psutil.getloadavg()[0] / usable_cores())


def _processor() -> tuple[str, set[str]]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine(), set()
    lines = (line.partition(":") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return fields.get("model name", platform.machine()), flags


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
