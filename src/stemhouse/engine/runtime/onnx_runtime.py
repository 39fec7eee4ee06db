"""The network on a GPU, or on a CPU, by ONNX Runtime (an optional dependency)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.runtime.network import Gains
from stemhouse.errors import DeviceLost, RuntimeUnavailable

try:
    import onnxruntime
except ImportError as missing:
    raise RuntimeUnavailable(
        "ONNX Runtime is not installed: install stemhouse[onnxruntime] for the CPU, "
        "stemhouse[cuda] for NVIDIA GPUs, or use the provider 'openvino'"
    ) from missing

VERSION = str(onnxruntime.__version__)

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}


def supports(device: str) -> bool:
    """Whether the installed ONNX Runtime was built for `device`."""
    return _PROVIDERS[device] in onnxruntime.get_available_providers()


class OnnxRuntimeNetwork:
    """A network on one device, in float32."""

    def __init__(self, graph: Path | bytes, *, device: str) -> None:
        """Load `graph` (an ONNX file, or its bytes) on `device`."""
        settings = onnxruntime.SessionOptions()
        # As with OpenVINO: windows side by side, each on the calling thread alone.
        settings.intra_op_num_threads = 1
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        provider = _PROVIDERS[device]
        try:
            self._session = onnxruntime.InferenceSession(graph, settings, providers=[provider])
        except Exception as error:
            raise RuntimeUnavailable(
                f"ONNX Runtime {VERSION} could not prepare the network on {device}: {error}"
            ) from error
        # ONNX Runtime falls back to the CPU by itself when a device's libraries are missing.
        if self._session.get_providers()[0] != provider:
            raise RuntimeUnavailable(
                f"ONNX Runtime {VERSION} cannot use the device {device!r} here: its driver or "
                "libraries are missing"
            )

    def infer(self, magnitude: NDArray[np.float32]) -> Gains:
        """Compute every stem's gains for one window; see `Network.infer`."""
        try:
            # (C, N, F) -> (1, C, N, F)
            gains = self._session.run(None, {"magnitude": magnitude[np.newaxis]})
        except Exception as error:  # its errors have no base of their own
            raise DeviceLost(f"ONNX Runtime failed while computing: {error}") from error
        return [gain[0] for gain in gains]
