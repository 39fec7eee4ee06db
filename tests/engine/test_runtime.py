from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stemhouse import Options, RuntimeOptions, Separator
from stemhouse.engine.catalogue import load_card
from stemhouse.engine.checkpoint import read_checkpoint
from stemhouse.engine.runtime import Runtime, choose_runtime
from stemhouse.engine.runtime.processor import prefers_bfloat16
from stemhouse.engine.unet import build_graph
from stemhouse.errors import DeviceLost, ModelIncompatible, RuntimeUnavailable

TINY = Path(__file__).resolve().parent.parent / "data" / "tiny-2stems"
SHAPE = (2, 64, 64)

try:
    import onnxruntime

    ONNX_PROVIDERS = onnxruntime.get_available_providers()
except ImportError:
    ONNX_PROVIDERS = []

needs_onnxruntime = pytest.mark.skipif(not ONNX_PROVIDERS, reason="ONNX Runtime is not installed")
needs_no_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in ONNX_PROVIDERS, reason="ONNX Runtime was built with CUDA"
)


def graph() -> bytes:
    card = load_card(TINY / "card.toml")
    return build_graph(read_checkpoint(TINY), card).SerializeToString()


def magnitude(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 4, shape).astype(np.float32)


def chosen(**options: object) -> Runtime:
    return choose_runtime(RuntimeOptions(**options))


def test_a_cpu_is_served_by_openvino_and_the_answer_says_all_about_it():
    info = chosen(threads=3).info

    assert (info.provider, info.device, info.threads) == ("openvino", "cpu", 3)
    assert info.precision in ("float32", "bfloat16")
    assert info.version
    assert info.device_name
    assert info.fallback is None


@pytest.mark.parametrize(
    ("vendor", "flags", "preferred"),
    [
        ("GenuineIntel", "avx2 avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("GenuineIntel", "avx2 avx512f avx512_bf16", False),
        ("AuthenticAMD", "avx2 avx512f avx512_bf16", True),
        ("AuthenticAMD", "avx2", False),
    ],
)
def test_bfloat16_is_preferred_where_the_processor_is_faster_with_it(
    vendor: str, flags: str, preferred: bool, tmp_path: Path
):
    described = tmp_path / "cpuinfo"
    described.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n\n" * 2)

    assert prefers_bfloat16(described) is preferred


def test_a_processor_that_nothing_is_known_of_computes_in_float32(tmp_path: Path):
    empty = tmp_path / "cpuinfo"
    empty.write_text("")

    assert not prefers_bfloat16(empty)
    assert not prefers_bfloat16(tmp_path / "missing")


def test_threads_are_the_cores_this_process_may_use():
    assert chosen().info.threads >= 1


@needs_onnxruntime
def test_onnx_runtime_serves_the_cpu_when_it_is_asked_for():
    info = chosen(provider="onnxruntime").info

    assert (info.provider, info.device, info.precision) == ("onnxruntime", "cpu", "float32")


@needs_onnxruntime
@needs_no_cuda
def test_a_gpu_that_is_not_there_is_refused_with_the_way_to_it():
    with pytest.raises(RuntimeUnavailable, match=r"stemhouse\[cuda\]"):
        chosen(device="cuda")


@pytest.mark.parametrize("device", ["cuda", "coreml"])
def test_openvino_is_refused_on_a_gpu(device: str):
    with pytest.raises(RuntimeUnavailable, match="CPU only"):
        chosen(provider="openvino", device=device)


@needs_onnxruntime
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_onnx_runtime_is_refused_in_half_precision(precision: str):
    with pytest.raises(RuntimeUnavailable, match=f"not {precision}"):
        chosen(provider="onnxruntime", precision=precision)


@needs_no_cuda
def test_a_fallback_that_is_allowed_says_what_could_not_be_had():
    info = chosen(device="cuda", allow_fallback=True, threads=2).info

    assert (info.provider, info.device, info.precision) == ("openvino", "cpu", "float32")
    assert info.threads == 2
    assert "cuda" in (info.fallback or "")


def test_a_fallback_that_is_not_needed_is_not_taken():
    assert chosen(device="cpu", allow_fallback=True).info.fallback is None


@needs_no_cuda
def test_a_refused_runtime_leaves_the_song_closed(demo_song: Path, store, recwarn):
    separator = Separator(TINY, runtime=RuntimeOptions(device="cuda"), store=store)

    with pytest.raises(RuntimeUnavailable):
        separator.stream(demo_song)

    assert not [warning for warning in recwarn if warning.category is ResourceWarning]


def test_onnx_runtime_that_is_not_installed_is_refused_and_may_be_fallen_back_from():
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from stemhouse import RuntimeOptions\n"
        "from stemhouse.engine.runtime import choose_runtime\n"
        "from stemhouse.errors import RuntimeUnavailable\n"
        "try: choose_runtime(RuntimeOptions(provider='onnxruntime'))\n"
        "except RuntimeUnavailable as error: print(error.message)\n"
        "options = RuntimeOptions(provider='onnxruntime', allow_fallback=True)\n"
        "info = choose_runtime(options).info\n"
        "print(info.provider, '|', info.fallback)\n"
    )

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    refused, fallen_back = answer.stdout.splitlines()
    assert "stemhouse[onnxruntime]" in refused
    assert fallen_back == f"openvino | {refused}"


@needs_onnxruntime
def test_both_runtimes_give_the_same_gains(tmp_path: Path):
    shown = magnitude((2, 128, 256))

    gains = [
        chosen(provider=provider, precision="float32", threads=1)
        .compile(tmp_path / "network", shown.shape, graph)
        .infer(shown)
        for provider in ("openvino", "onnxruntime")
    ]

    # Both round 13 layers to float32, in different orders.
    for one, other in zip(*gains, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@needs_onnxruntime
@pytest.mark.parametrize(
    ("model", "agreement_db"),
    [
        # Random logits go far into the sigmoid's tails, where both stems' gains are 1e-8 and
        # runtimes round the exponential differently: there, the shares of a bin may differ.
        ("tiny-2stems", 50),
        # A softmax has no such tails, and trained weights do not go there: float32 rounding.
        ("tiny-5stems", 100),
        pytest.param("spleeter-2stems", 100, marks=pytest.mark.weights),
    ],
)
def test_both_runtimes_give_the_same_stems(model: str, agreement_db: float, separator, song):
    audio = song(60_000)

    results = [
        separator(model, provider=provider).separate(audio, Options(quality="fast"))
        for provider in ("openvino", "onnxruntime")
    ]

    assert [result.runtime.provider for result in results] == ["openvino", "onnxruntime"]
    for name in results[0].stems:
        one, other = (result[name].audio.samples for result in results)
        assert 20 * np.log10(np.linalg.norm(one) / np.linalg.norm(one - other)) > agreement_db


@needs_onnxruntime
@pytest.mark.parametrize("provider", ["openvino", "onnxruntime"])
def test_gains_are_the_callers_own(provider: str, tmp_path: Path):
    network = chosen(provider=provider, threads=1).compile(tmp_path / "network", SHAPE, graph)
    shown = magnitude()
    first = network.infer(shown)
    before = [gain.copy() for gain in first], shown.copy()

    network.infer(np.zeros(SHAPE, np.float32))

    assert all(map(np.array_equal, first, before[0]))
    assert np.array_equal(shown, before[1])


@needs_onnxruntime
@pytest.mark.parametrize("provider", ["openvino", "onnxruntime"])
def test_a_stored_graph_is_used_again(provider: str, tmp_path: Path):
    runtime = chosen(provider=provider, precision="float32", threads=1)
    expected = runtime.compile(tmp_path / "network", SHAPE, graph).infer(magnitude())
    files = sorted(tmp_path.iterdir())

    again = runtime.compile(tmp_path / "network", SHAPE, lambda: pytest.fail("built again"))

    assert all(map(np.array_equal, again.infer(magnitude()), expected))
    assert sorted(tmp_path.iterdir()) == files


@needs_onnxruntime
@pytest.mark.parametrize("provider", ["openvino", "onnxruntime"])
def test_a_network_that_fails_while_computing_says_so(provider: str, tmp_path: Path):
    network = chosen(provider=provider, threads=1).compile(tmp_path / "network", SHAPE, graph)
    wrong = magnitude((2, 63, 64)) if provider == "openvino" else magnitude((3, 64, 64))

    with pytest.raises(DeviceLost, match="failed while computing"):
        network.infer(wrong)


def test_a_graph_that_is_none_is_refused_and_not_kept(tmp_path: Path):
    with pytest.raises(ModelIncompatible, match="cannot read the network"):
        chosen().compile(tmp_path / "network", SHAPE, lambda: b"nonsense")

    assert list(tmp_path.iterdir()) == []


def test_a_stored_graph_that_is_damaged_is_named(tmp_path: Path):
    runtime = chosen(threads=1)
    runtime.compile(tmp_path / "network", SHAPE, graph)
    next(tmp_path.glob("*.xml")).write_text("<net>")

    with pytest.raises(RuntimeUnavailable, match="could not prepare the network"):
        runtime.compile(tmp_path / "network", SHAPE, graph)


def test_nothing_is_reported_to_the_maker_of_the_runtime():
    program = (
        "import sys\n"
        "from stemhouse.engine.runtime import RuntimeOptions, choose_runtime\n"
        "choose_runtime(RuntimeOptions(provider='openvino'))\n"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry')])\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )

    assert result.stdout.strip() == "[]"


def test_the_runtimes_converter_stays_there_for_others():
    program = (
        "import sys\n"
        "import stemhouse.engine.runtime.openvino\n"
        "print('openvino.tools.ovc' in sys.modules)\n"
        "from openvino import convert_model\n"
        "print(convert_model.__name__)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )

    assert result.stdout.split() == ["False", "convert_model"]
