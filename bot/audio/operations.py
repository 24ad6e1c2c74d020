"""The one import of audioop: the standard library's until 3.12, audioop-lts under the same name from 3.13 on."""

from __future__ import annotations

import sys
import warnings

with warnings.catch_warnings():
    # Deprecated in 3.11 and 3.12. Known, and nothing an operator can mend.
    warnings.filterwarnings("ignore", message="'audioop' is deprecated", category=DeprecationWarning)
    import audioop

if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("audioop reads samples in the machine's byte order, and WAV files are little-endian")

__all__ = ["audioop"]
