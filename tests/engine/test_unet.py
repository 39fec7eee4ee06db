from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from stemhouse import RuntimeOptions
from stemhouse.engine.catalogue import load_card
from stemhouse.engine.checkpoint import read_checkpoint
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.runtime import Gains, choose_runtime
from stemhouse.engine.unet import build_graph
from stemhouse.errors import ModelIncompatible, RuntimeUnavailable

DATA = Path(__file__).resolve().parent.parent / "data"
MODELS = ("tiny-2stems", "tiny-4stems", "tiny-5stems")

# Against Spleeter's own network code, relative to the largest magnitude. Float32 rounds to 6e-8;
# 13 layers of sums of up to 600 products, in another order, reach about 1e-6.
FLOAT32 = 1e-5
# Bfloat16 has 8 bits: every product and every layer's output rounds to 4e-3.
BFLOAT16 = 3e-2


def tiny(model: str) -> tuple[ModelCard, dict[str, np.ndarray]]:
    return load_card(DATA / model / "card.toml"), dict(read_checkpoint(DATA / model))


def spleeters(model: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    # (1, N, F, C) -> (C, N, F)
    arrays = np.load(DATA / model / "expected.npz", allow_pickle=False)
    moved = {name: arrays[name][0].transpose(2, 0, 1) for name in arrays.files}
    return np.ascontiguousarray(moved.pop("magnitude")), moved


def infer(model: str, folder: Path, magnitude: np.ndarray, **runtime: str) -> Gains:
    card, weights = tiny(model)
    try:
        chosen = choose_runtime(RuntimeOptions(device="cpu", threads=1, **runtime))
    except RuntimeUnavailable as refusal:
        pytest.skip(refusal.message)
    network = chosen.compile(
        folder / "network", magnitude.shape, lambda: build_graph(weights, card).SerializeToString()
    )
    return network.infer(magnitude)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("provider", "precision", "tolerance"),
    [
        ("openvino", "float32", FLOAT32),
        ("onnxruntime", "float32", FLOAT32),
        ("openvino", "bfloat16", BFLOAT16),
    ],
)
def test_estimates_are_those_of_spleeters_own_network(
    model: str, provider: str, precision: str, tolerance: float, tmp_path: Path
):
    magnitude, expected = spleeters(model)

    gains = infer(model, tmp_path, magnitude, provider=provider, precision=precision)

    assert len(gains) == len(expected)
    for gain, estimate in zip(gains, expected.values(), strict=True):
        assert np.abs(gain * magnitude - estimate).max() < tolerance * magnitude.max()


@pytest.mark.parametrize("model", MODELS)
def test_the_graph_is_valid_and_its_window_free(model: str):
    card, weights = tiny(model)

    graph = build_graph(weights, card)

    onnx.checker.check_model(graph, full_check=True)
    shape = graph.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in shape] == [1, 2, "frames", "bins"]
    assert [output.name for output in graph.graph.output] == [
        f"gain_{stem}" for stem in range(len(card.stems))
    ]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shape", [(2, 64, 64), (2, 128, 2048)])
def test_gains_have_the_windows_shape_and_lie_between_0_and_1(
    model: str, shape: tuple[int, ...], tmp_path: Path
):
    magnitude = np.random.default_rng(3).uniform(0, 5, shape).astype(np.float32)

    gains = infer(model, tmp_path, magnitude, provider="openvino", precision="float32")

    for gain in gains:
        assert gain.shape == shape
        assert gain.dtype == np.float32
        assert gain.min() >= 0
        assert gain.max() <= 1


def test_stems_that_share_a_softmax_share_every_bin(tmp_path: Path):
    magnitude, _ = spleeters("tiny-5stems")

    gains = infer("tiny-5stems", tmp_path, magnitude, provider="openvino", precision="float32")

    np.testing.assert_allclose(sum(gains), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["conv2d/kernel", "conv2d_transpose_11/bias", "batch_normalization_23/gamma"]
)
def test_a_checkpoint_without_a_tensor_is_refused_by_its_name(name: str):
    card, weights = tiny("tiny-2stems")
    del weights[name]

    with pytest.raises(ModelIncompatible, match=f"no tensor '{name}'"):
        build_graph(weights, card)


@pytest.mark.parametrize("name", ["conv2d_6/kernel", "conv2d_transpose/kernel", "conv2d_13/bias"])
def test_a_tensor_of_another_shape_is_refused_by_its_name(name: str):
    card, weights = tiny("tiny-2stems")
    weights[name] = weights[name][..., :1]

    with pytest.raises(ModelIncompatible, match=f"'{name}' has the shape"):
        build_graph(weights, card)


def test_weights_of_fewer_stems_than_the_card_names_are_refused():
    four, _ = tiny("tiny-4stems")
    _, weights = tiny("tiny-2stems")

    with pytest.raises(ModelIncompatible, match="not of the architecture"):
        build_graph(weights, four)


def test_filters_that_are_not_the_checkpoints_are_refused():
    card, weights = tiny("tiny-2stems")

    with pytest.raises(ModelIncompatible, match="as its model card says"):
        build_graph(weights, replace(card, filters=(16, 32, 64, 128, 256, 512)))
