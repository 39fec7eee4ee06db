"""Spleeter's network as an ONNX graph, built from the weights of its checkpoint.

One U-Net per stem looks at the magnitude spectrogram of the mix and says, for every bin, which
share of it belongs to its stem. The graph's outputs are these *gains* in 0..1; a stem's estimated
magnitude is its gain times the mix. Leaving that product to the caller keeps the network's output
range small, so that it survives 16-bit arithmetic.

Letters: S stems, C channels, N frames, F bins.

Source: R. Hennequin et al., "Spleeter: a fast and efficient music source separation tool with
pre-trained models", JOSS 5 (50), 2154, 2020, doi:10.21105/joss.02154, and its `unet.py`; the
architecture is A. Jansson et al., "Singing voice separation with deep U-Net convolutional
networks", ISMIR 2017. We differ in the order of arithmetic of the last two layers
(see `stemhouse.engine.phases`) and in giving gains instead of estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from stemhouse.engine.catalogue import ModelCard
from stemhouse.engine.phases import BLOCK, dilated_to_phases, transposed_to_phases
from stemhouse.errors import ModelIncompatible

Weights = Mapping[str, NDArray[np.float32]]

FRAME_MULTIPLE = 64
"""N and F must be multiples of this: six layers halve them."""

LEVELS = 6
_BATCH_NORM_EPSILON = 1e-3
_OPSET = 17
_IR_VERSION = 9


def build_graph(weights: Weights, card: ModelCard) -> onnx.ModelProto:
    """Build the network of `card` from `weights`.

    Parameters
    ----------
    weights : mapping of str to ndarray of float32
        Tensors under TensorFlow's names and in its layouts: convolution kernels (K, K, I, O),
        transposed ones (K, K, O, I), batch norms (C,).
    card : ModelCard
        Says how many stems there are, the filters per level, the activation and whether stems
        share one softmax.

    Returns
    -------
    onnx.ModelProto
        Input ``magnitude``, float32 (1, 2, N, F); outputs ``gain_0`` … in the card's order of
        stems, each float32 (1, 2, N, F) in 0..1. N and F are free multiples of 64.

    Raises
    ------
    ModelIncompatible
        A tensor is missing or has another shape than the card's architecture needs.
    """
    graph = _Graph(weights)
    logits = [_unet(graph, card, stem) for stem in range(len(card.stems))]
    if card.architecture == "softmax_unet":
        phases = _softmax_over_stems(graph, logits)
    else:
        phases = [graph.node("Sigmoid", [logit]) for logit in logits]
    shape: list[str | int] = [1, card.channels, "frames", "bins"]
    outputs = []
    for stem, name in enumerate(phases):
        graph.node("DepthToSpace", [name], output=f"gain_{stem}", blocksize=BLOCK, mode="CRD")
        outputs.append(helper.make_tensor_value_info(f"gain_{stem}", TensorProto.FLOAT, shape))
    magnitude = helper.make_tensor_value_info("magnitude", TensorProto.FLOAT, shape)
    return helper.make_model(
        helper.make_graph(graph.nodes, card.name, [magnitude], outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="stemhouse",
    )


class _Graph:
    """Collects nodes and constants, and checks every tensor it takes from the checkpoint."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._weights = weights

    def take(self, name: str, shape: Sequence[int]) -> NDArray[np.float32]:
        tensor = self._weights.get(name)
        if tensor is None:
            raise ModelIncompatible(
                f"the checkpoint has no tensor {name!r}: it is not of the architecture that its "
                "model card names",
                tensor=name,
            )
        if tensor.shape != tuple(shape):
            raise ModelIncompatible(
                f"tensor {name!r} has the shape {tensor.shape}, not {tuple(shape)} as its model "
                "card says",
                tensor=name,
            )
        return tensor

    def constant(self, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def node(
        self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def convolution(
        self,
        source: str,
        kernel: NDArray[np.float32],
        bias: NDArray[np.float32],
        **attributes: Any,
    ) -> str:
        inputs = [source, self.constant(kernel), self.constant(bias)]
        return self.node("Conv", inputs, kernel_shape=list(kernel.shape[2:]), **attributes)

    def batch_norm(self, source: str, index: int, channels: int, repeat: int = 1) -> str:
        layer = _numbered("batch_normalization", index)
        # The phases of one channel share its statistics.
        parameters = [
            self.constant(np.repeat(self.take(f"{layer}/{part}", [channels]), repeat))
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        ]
        return self.node("BatchNormalization", [source, *parameters], epsilon=_BATCH_NORM_EPSILON)


def _unet(graph: _Graph, card: ModelCard, stem: int) -> str:
    """Add one stem's U-Net; return its logits as phases, (1, 2 · b², N / b, F / b)."""
    skips = _encoder(graph, card, stem)
    source = skips[-1]
    first = stem * LEVELS
    for level in range(LEVELS - 1):
        filters = card.filters[LEVELS - 2 - level]
        fed = card.filters[-1] if level == 0 else 2 * card.filters[LEVELS - 1 - level]
        layer = _numbered("conv2d_transpose", first + level)
        # TensorFlow (K, K, O, I) -> ONNX (I, O, K, K)
        kernel = graph.take(f"{layer}/kernel", [5, 5, filters, fed]).transpose(3, 2, 0, 1)
        bias = graph.take(f"{layer}/bias", [filters])
        up = graph.node(
            "ConvTranspose",
            [source, graph.constant(kernel), graph.constant(bias)],
            kernel_shape=[5, 5],
            strides=[2, 2],
            pads=[1, 1, 2, 2],
        )
        up = _activation(graph, card, up, "decoder")
        up = graph.batch_norm(up, stem * 2 * LEVELS + LEVELS + level, filters)
        source = graph.node("Concat", [skips[LEVELS - 2 - level], up], axis=1)
    return _output_layers(graph, card, stem, source)


def _encoder(graph: _Graph, card: ModelCard, stem: int) -> list[str]:
    """Add the six strided convolutions; return their outputs, before any norm."""
    skips: list[str] = []
    source, fed = "magnitude", card.channels
    for level, filters in enumerate(card.filters):
        layer = _numbered("conv2d", stem * (LEVELS + 1) + level)
        # TensorFlow (K, K, I, O) -> ONNX (O, I, K, K)
        kernel = graph.take(f"{layer}/kernel", [5, 5, fed, filters]).transpose(3, 2, 0, 1)
        bias = graph.take(f"{layer}/bias", [filters])
        # 'same' for stride 2 and an even input pads one before and two behind.
        skips.append(graph.convolution(source, kernel, bias, strides=[2, 2], pads=[1, 1, 2, 2]))
        if level < LEVELS - 1:
            normed = graph.batch_norm(skips[-1], stem * 2 * LEVELS + level, filters)
            source = _activation(graph, card, normed, "encoder")
        fed = filters
    return skips


def _output_layers(graph: _Graph, card: ModelCard, stem: int, source: str) -> str:
    phases = BLOCK * BLOCK
    layer = _numbered("conv2d_transpose", stem * LEVELS + LEVELS - 1)
    kernel = graph.take(f"{layer}/kernel", [5, 5, 1, 2 * card.filters[0]]).transpose(3, 2, 0, 1)
    bias = np.repeat(graph.take(f"{layer}/bias", [1]), phases)
    stride = BLOCK // 2
    up = graph.convolution(
        source, transposed_to_phases(kernel), bias, strides=[stride, stride], pads=[1] * 4
    )
    up = _activation(graph, card, up, "decoder")
    up = graph.batch_norm(up, stem * 2 * LEVELS + 2 * LEVELS - 1, 1, repeat=phases)
    layer = _numbered("conv2d", stem * (LEVELS + 1) + LEVELS)
    kernel = graph.take(f"{layer}/kernel", [4, 4, 1, card.channels]).transpose(3, 2, 0, 1)
    bias = np.repeat(graph.take(f"{layer}/bias", [card.channels]), phases)
    return graph.convolution(up, dilated_to_phases(kernel), bias, pads=[1] * 4)


def _activation(
    graph: _Graph, card: ModelCard, source: str, side: Literal["encoder", "decoder"]
) -> str:
    if card.activation == "elu":
        return graph.node("Elu", [source], alpha=1.0)
    if side == "encoder":
        return graph.node("LeakyRelu", [source], alpha=0.2)
    return graph.node("Relu", [source])


def _softmax_over_stems(graph: _Graph, logits: Sequence[str]) -> list[str]:
    axis = graph.constant(np.array([1], np.int64))
    # S × (1, 2 b², N/b, F/b) -> (1, S, 2 b², N/b, F/b)
    stacked = graph.node(
        "Concat", [graph.node("Unsqueeze", [logit, axis]) for logit in logits], axis=1
    )
    shares = graph.node("Softmax", [stacked], axis=1)
    gains = []
    for stem in range(len(logits)):
        index = graph.constant(np.array(stem, np.int64))
        gains.append(graph.node("Gather", [shares, index], axis=1))
    return gains


def _numbered(base: str, index: int) -> str:
    # TensorFlow numbers layers of a kind from the second on: conv2d, conv2d_1, …
    return base if index == 0 else f"{base}_{index}"
