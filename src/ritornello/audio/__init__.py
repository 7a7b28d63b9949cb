"""Sound: a Score as a WAV file."""

from ritornello.audio.synthesis import render_wav

__all__ = ["render_wav"]
