"""ritornello composes and studies long pieces of symbolic music whose parts belong together."""

__version__ = "0.1.0"
