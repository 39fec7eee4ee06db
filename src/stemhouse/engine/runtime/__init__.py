"""What computes the network: OpenVINO on CPUs, ONNX Runtime on GPUs, chosen openly."""

from stemhouse.engine.runtime.network import Gains, Network
from stemhouse.engine.runtime.options import RuntimeInfo, RuntimeOptions
from stemhouse.engine.runtime.select import Runtime, choose_runtime

__all__ = ["Gains", "Network", "Runtime", "RuntimeInfo", "RuntimeOptions", "choose_runtime"]
