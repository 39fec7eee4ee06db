"""What may run the network, and what did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from stemhouse.errors import InvalidOption

Provider = Literal["auto", "openvino", "onnxruntime"]
Device = Literal["auto", "cpu", "cuda", "coreml"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """Which runtime, device and precision to use.

    Attributes
    ----------
    provider : {"auto", "openvino", "onnxruntime"}
        What computes the network. "auto" is OpenVINO on CPUs and ONNX Runtime on GPUs.
    device : {"auto", "cpu", "cuda", "coreml"}
        Where. "auto" is the CPU: a GPU is used when it is asked for, never by surprise.
    precision : {"auto", "float32", "bfloat16", "float16"}
        Of the network's arithmetic; everything around it is float32. "auto" is bfloat16 where the
        processor is faster with it (AMX, or AMD's AVX512-BF16: twice as fast, stems within 50 dB
        of float32) and float32 elsewhere, because other processors are slower with it.
    threads : int or None
        Processor threads, 1 or more. None is one per core this process may use.
    allow_fallback : bool
        What to do when the request cannot be met here: raise `RuntimeUnavailable` (False, the
        default) or use the CPU in float32 and say so in `RuntimeInfo.fallback` (True).

    Raises
    ------
    InvalidOption
        A value is none of those.

    Examples
    --------
    >>> from stemhouse import RuntimeOptions
    >>> RuntimeOptions(precision="float32", threads=2).provider
    'auto'
    """

    provider: Provider = "auto"
    device: Device = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    allow_fallback: bool = False

    def __post_init__(self) -> None:
        choices: tuple[tuple[str, object], ...] = (
            ("provider", Provider),
            ("device", Device),
            ("precision", Precision),
        )
        for name, kind in choices:
            if getattr(self, name) not in get_args(kind):
                raise InvalidOption(
                    f"{name} must be one of {', '.join(get_args(kind))}, "
                    f"not {getattr(self, name)!r}"
                )
        if self.threads is not None and (type(self.threads) is not int or self.threads < 1):
            raise InvalidOption(f"threads must be 1 or more, or None, not {self.threads!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInfo:
    """What ran the network.

    Attributes
    ----------
    provider : str
        ``openvino`` or ``onnxruntime``.
    version : str
        Its version.
    device : str
        ``cpu``, ``cuda`` or ``coreml``.
    device_name : str
        The device's own name, such as the processor's model.
    precision : str
        ``float32``, ``bfloat16`` or ``float16``.
    threads : int
        Windows of the network computed side by side, each on one thread.
    fallback : str or None
        What was asked for and could not be had, if that was allowed; otherwise None.
    """

    provider: str
    version: str
    device: str
    device_name: str
    precision: str
    threads: int
    fallback: str | None = None
