"""Real Fourier transforms in float32, without the half second that importing `scipy.fft` takes.

The transforms are SciPy's: its compiled module computes four of them at once where NumPy's
computes one. But the package around it imports a good part of SciPy and NumPy that nobody needs
here, which is a third of the time until the first sound. So the compiled module is loaded by
itself. It is no public part of SciPy: where a release has moved it, the public package serves,
slower to start and otherwise the same, sample for sample.

Letters: N frames, T samples per frame (even), B = T / 2 + 1 bins.
"""

from __future__ import annotations

import functools
import importlib
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

_MODULES = {"_duccfft": "pyduccfft", "_pocketfft": "pypocketfft"}
"""Folder and name of the compiled module: since SciPy 1.18, and before."""


def transform(frames: NDArray[np.float32], spectrum: NDArray[np.complex64]) -> None:
    """Transform frames.

    Parameters
    ----------
    frames : ndarray of float32, shape (…, N, T)
        The frames; not changed.
    spectrum : ndarray of complex64, shape (…, N, B)
        Receives their spectra.
    """
    compiled = _compiled()
    if compiled is None:
        spectrum[...] = _public().rfft(frames)
    else:
        compiled.r2c(frames, (frames.ndim - 1,), True, 0, spectrum)


def transform_back(spectrum: NDArray[np.complex64], frames: NDArray[np.float32]) -> None:
    """Transform spectra back.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (…, N, B)
        The spectra; not changed.
    frames : ndarray of float32, shape (…, N, T)
        Receives the frames.
    """
    length = frames.shape[-1]
    compiled = _compiled()
    if compiled is None:
        frames[...] = _public().irfft(spectrum, length)
    else:
        # 2: divided by the length, as every inverse is.
        compiled.c2r(spectrum, (frames.ndim - 1,), length, False, 2, frames)


@functools.cache
def _compiled() -> ModuleType | None:
    """Load SciPy's compiled transforms; None where they are not found."""
    package = find_spec("scipy")
    for root in (package and package.submodule_search_locations) or ():
        for folder, name in _MODULES.items():
            finder = FileFinder(
                str(Path(root, "fft", folder)), (ExtensionFileLoader, EXTENSION_SUFFIXES)
            )
            spec = finder.find_spec(name)
            if spec is not None and spec.loader is not None:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    return None


@functools.cache
def _public() -> ModuleType:
    return importlib.import_module("scipy.fft")
