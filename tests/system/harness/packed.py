"""Arguments of the hook library as the agents send large ones."""
import base64
import ctypes
import json

_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
_zstd.ZSTD_compressBound.restype = ctypes.c_size_t
_zstd.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
_zstd.ZSTD_compress.restype = ctypes.c_size_t


def frame(data):
    """A zstd frame of these bytes, at level 1."""
    made = ctypes.create_string_buffer(_zstd.ZSTD_compressBound(len(data)))
    size = _zstd.ZSTD_compress(made, len(made), data, len(data), 1)
    assert size <= len(made), "zstd failed"
    return made.raw[:size]


def of_bytes(data):
    return {"packed": base64.b64encode(frame(data)).decode()}


def of(arguments):
    return of_bytes(json.dumps(arguments).encode())
