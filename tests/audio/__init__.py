"""Audio: the codec, WAV files, resampling, and the recordings that ship."""
