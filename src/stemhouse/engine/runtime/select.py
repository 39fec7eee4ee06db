"""Choose the runtime that was asked for, or say why it cannot be had."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stemhouse.engine.runtime.network import Network
from stemhouse.engine.runtime.options import RuntimeInfo, RuntimeOptions
from stemhouse.engine.runtime.processor import prefers_bfloat16, usable_cores
from stemhouse.errors import DiskFull, RuntimeUnavailable


@dataclass(frozen=True, slots=True)
class Runtime:
    """A chosen runtime: what it is, and how to compile a network for it."""

    info: RuntimeInfo

    def compile(
        self, stored: Path | None, shape: tuple[int, int, int], build: Callable[[], bytes]
    ) -> Network:
        """Compile the network for windows of one size.

        Parameters
        ----------
        stored : Path or None
            Where this network's graph is kept between runs, without suffix. It is made with
            `build` if it is not there. None keeps nothing.
        shape : tuple of int
            Window size (C, N, F); N and F are multiples of 64.
        build : callable
            Returns the serialised ONNX graph.

        Returns
        -------
        Network
            Ready to infer.
        """
        if self.info.provider == "openvino":
            from stemhouse.engine.runtime import openvino

            graph: Path | bytes
            if stored is None:
                graph = build()
            else:
                graph = stored.with_name(f"{stored.name}-openvino-{openvino.VERSION}.xml")
                if not graph.exists():
                    openvino.write_graph(graph, build)
            return openvino.OpenVinoNetwork(
                graph, shape, precision=self.info.precision, threads=self.info.threads
            )
        from stemhouse.engine.runtime import onnx_runtime

        graph = build() if stored is None else _kept(stored.with_name(f"{stored.name}.onnx"), build)
        return onnx_runtime.OnnxRuntimeNetwork(graph, device=self.info.device)


def choose_runtime(options: RuntimeOptions) -> Runtime:
    """Choose what `options` ask for.

    Raises
    ------
    RuntimeUnavailable
        It cannot be had on this machine and `options.allow_fallback` is False.
    """
    try:
        return Runtime(_resolve(options))
    except RuntimeUnavailable as refusal:
        if not options.allow_fallback:
            raise
        plain = RuntimeOptions(provider="openvino", threads=options.threads, precision="float32")
        return Runtime(replace(_resolve(plain), fallback=refusal.message))


def _resolve(options: RuntimeOptions) -> RuntimeInfo:
    device = "cpu" if options.device == "auto" else options.device
    provider = options.provider
    if provider == "auto":
        provider = "openvino" if device == "cpu" else "onnxruntime"
    if provider == "openvino":
        return _resolve_openvino(options, device)
    return _resolve_onnxruntime(options, device)


def _resolve_openvino(options: RuntimeOptions, device: str) -> RuntimeInfo:
    if device != "cpu":
        raise RuntimeUnavailable(
            f"the provider 'openvino' runs on the CPU only; for the device {device!r} use the "
            "provider 'onnxruntime'"
        )
    from stemhouse.engine.runtime import openvino

    precision = options.precision
    if precision == "auto":
        precision = "bfloat16" if prefers_bfloat16() else "float32"
    if not openvino.supports(precision):
        raise RuntimeUnavailable(
            f"this processor does not compute in {precision}; use 'auto' or 'float32'"
        )
    return RuntimeInfo(
        provider="openvino",
        version=openvino.VERSION,
        device="cpu",
        device_name=openvino.device_name(),
        precision=precision,
        threads=options.threads or usable_cores(),
    )


def _resolve_onnxruntime(options: RuntimeOptions, device: str) -> RuntimeInfo:
    from stemhouse.engine.runtime import onnx_runtime

    if not onnx_runtime.supports(device):
        raise RuntimeUnavailable(
            f"the installed ONNX Runtime was not built for the device {device!r}; "
            "for NVIDIA GPUs install stemhouse[cuda]"
        )
    if options.precision not in ("auto", "float32"):
        raise RuntimeUnavailable(
            f"the provider 'onnxruntime' computes in float32, not {options.precision}"
        )
    return RuntimeInfo(
        provider="onnxruntime",
        version=onnx_runtime.VERSION,
        device=device,
        device_name=device,
        precision="float32",
        threads=options.threads or (usable_cores() if device == "cpu" else 1),
    )


def _kept(graph: Path, build: Callable[[], bytes]) -> Path:
    """Return `graph`, made if it is not there. Moved into place, so that it is whole if it is."""
    if not graph.exists():
        draft = graph.with_name(f".{graph.name}.{os.getpid()}")
        try:
            draft.write_bytes(build())
            draft.replace(graph)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise DiskFull(f"the network's graph could not be stored: {error.strerror}") from error
    return graph
