from __future__ import annotations

import subprocess
import sys

import numpy as np
import scipy.fft

from stemhouse.engine import fft


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)


def test_frames_are_transformed_as_scipy_does():
    frames = noise(2, 5, 256)
    spectrum = np.empty((2, 5, 129), np.complex64)

    fft.transform(frames, spectrum)

    assert np.array_equal(spectrum, scipy.fft.rfft(frames))


def test_spectra_are_transformed_back_as_scipy_does():
    spectrum = scipy.fft.rfft(noise(2, 5, 256))
    before, frames = spectrum.copy(), np.empty((2, 5, 256), np.float32)

    fft.transform_back(spectrum, frames)

    assert np.array_equal(frames, scipy.fft.irfft(before, 256))
    assert np.array_equal(spectrum, before)


def test_views_of_larger_arrays_are_read_and_written():
    frames = noise(2, 9, 256)[:, 2:7]
    every = np.zeros((2, 9, 129), np.complex64)

    fft.transform(frames, every[:, 2:7])

    assert np.array_equal(every[:, 2:7], scipy.fft.rfft(frames))
    assert not every[:, :2].any()
    assert not every[:, 7:].any()


def test_without_scipys_compiled_module_the_public_one_gives_the_same():
    program = (
        "import numpy as np, stemhouse.engine.fft as fft\n"
        "frames = np.random.default_rng(3).uniform(-1, 1, (2, 5, 256)).astype(np.float32)\n"
        "results = []\n"
        "for modules in (fft._MODULES, {}):\n"
        "    fft._MODULES = modules\n"
        "    fft._compiled.cache_clear()\n"
        "    spectrum, back = np.empty((2, 5, 129), np.complex64), np.empty_like(frames)\n"
        "    fft.transform(frames, spectrum)\n"
        "    fft.transform_back(spectrum, back)\n"
        "    results.append((fft._compiled() is None, spectrum, back))\n"
        "(here, *first), (gone, *second) = results\n"
        "assert not here and gone\n"
        "assert all(map(np.array_equal, first, second))\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_transform_imports_no_more_of_scipy_than_it_needs():
    program = (
        "import sys, numpy as np, stemhouse.engine.fft as fft\n"
        "fft.transform(np.zeros((1, 8), np.float32), np.empty((1, 5), np.complex64))\n"
        "print('scipy.fft' in sys.modules)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )

    assert result.stdout.strip() == "False"
