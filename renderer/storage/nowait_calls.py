"""The system calls of Linux that answer from memory or not at all: openat2(2), statx(2) and preadv2(2), with ctypes.

Python offers none of them with the flags that matter here. They are called with the interpreter's lock held: none of
them waits, and taking the lock back among busy threads would cost more than the call.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable, Iterable
from ctypes import c_char_p, c_int, c_long, c_size_t, c_ssize_t, c_uint, c_uint64, c_void_p, py_object
from itertools import repeat
from typing import ClassVar, Final, NamedTuple, TypeAlias

# linux/openat2.h
NO_XDEV: Final = 0x01
NO_MAGICLINKS: Final = 0x02
BENEATH: Final = 0x08
CACHED: Final = 0x20

# linux/stat.h and linux/fcntl.h
_STATX_BASIC: Final = 0x07FF
_STATX_MOUNT: Final = 0x1000
_EMPTY_PATH: Final = 0x1000
_DONT_SYNC: Final = 0x4000
"""What is known is told: a network file system does not ask its server."""

_OPENAT2: Final = 437
_AT_FDCWD: Final = -100
_STATX_BYTES: Final = 256
# Of `struct statx`: mode; size; atime, ctime and mtime, each in seconds and nanoseconds. Then: the device, the mount.
_STATUS: Final = struct.Struct("=28xH10xQ16xqI4x16xqI4xqI")
_MOUNT: Final = struct.Struct("=136xIIQ")
_STATFS_BYTES: Final = 256
_SECOND_NS: Final = 1_000_000_000

# Numbers, types and sizes are those of these two with 64 bits; a few others have other numbers.
_MACHINES: Final = ("x86_64", "aarch64")
_BYTES_OF_LONG: Final = 8


class _OpenHow(ctypes.Structure):
    _fields_: ClassVar = [("flags", c_uint64), ("mode", c_uint64), ("resolve", c_uint64)]


class OpenHow:
    """How to open: flags as of `os.open`, and the rules for the path. Made once, as it costs as much as the call."""

    __slots__ = ("_how", "address", "size")

    def __init__(self, flags: int, resolve: int) -> None:
        self._how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
        self.address = ctypes.addressof(self._how)
        self.size = ctypes.sizeof(self._how)


class _Piece(ctypes.Structure):
    # `struct iovec`. As a c_char_p the field points at the very memory of a bytes object.
    _fields_: ClassVar = [("base", c_char_p), ("size", c_size_t)]


_PROBED: Final = 2
"""Bytes of which one is written to: an object of one byte is everybody's."""
_ONE_BYTE: Final = (1).__eq__


class Status(NamedTuple):
    """What the kernel remembers of a file. The times count from 1970."""

    mode: int
    size: int
    accessed_ns: int
    changed_ns: int
    modified_ns: int


Mount: TypeAlias = tuple[int, int, int]
"""What tells a mount from others: the device in two parts, and the mount's own number."""


class NowaitCalls:
    """The calls, found in the C library. Every one raises OSError with the kernel's number, as those of `os` do."""

    __slots__ = ("_byte", "_fstatfs", "_new_bytes", "_preadv2", "_statx", "_syscall")

    def __init__(self) -> None:
        """Finds the calls; raises OSError where the system or its C library has not all of them."""
        is_known = sys.platform == "linux" and os.uname().machine in _MACHINES
        if not is_known or ctypes.sizeof(c_long) != _BYTES_OF_LONG:
            raise OSError("the calls are known for Linux on 64-bit x86 and Arm only")
        library = ctypes.PyDLL(None, use_errno=True)
        try:
            self._syscall = library.syscall
            self._statx = library.statx
            self._preadv2 = library.preadv2
            self._fstatfs = library.fstatfs
        except AttributeError as error:
            raise OSError(str(error)) from error
        self._syscall.argtypes = [c_long, c_int, c_char_p, c_void_p, c_size_t]
        self._syscall.restype = c_long
        self._statx.argtypes = [c_int, c_char_p, c_int, c_uint, c_char_p]
        self._preadv2.argtypes = [c_int, c_void_p, c_int, c_long, c_int]
        self._preadv2.restype = c_ssize_t
        self._fstatfs.argtypes = [c_int, c_void_p]
        self._new_bytes: Callable[[None, int], bytes] = ctypes.pythonapi.PyBytes_FromStringAndSize
        ctypes.pythonapi.PyBytes_FromStringAndSize.argtypes = [c_char_p, c_ssize_t]
        ctypes.pythonapi.PyBytes_FromStringAndSize.restype = py_object
        self._byte = _Piece(self._new_bytes(None, _PROBED), 1)

    def open(self, path: bytes, how: OpenHow, *, folder: int = _AT_FDCWD) -> int:
        """A descriptor of what `path` names; EAGAIN with CACHED where the kernel would have to ask the disk."""
        return _checked(self._syscall(_OPENAT2, folder, path, how.address, how.size))

    def status(self, descriptor: int) -> Status:
        """What is known of an open file without asking anybody."""
        answer = self._asked(descriptor, _STATX_BASIC)
        mode, size, accessed, a, changed, c, modified, m = _STATUS.unpack_from(answer)
        return Status(mode, size, accessed * _SECOND_NS + a, changed * _SECOND_NS + c, modified * _SECOND_NS + m)

    def mount(self, descriptor: int) -> Mount:
        """The mount that an open file is on."""
        major, minor, number = _MOUNT.unpack_from(self._asked(descriptor, _STATX_MOUNT))
        return major, minor, number

    def read(self, descriptor: int, size: int, offset: int = 0) -> bytes | None:
        """`size` bytes of a file from `offset`, two at least, or None if there are fewer or not all are in memory."""
        # A fresh object that nobody else has is filled in place, as the C API allows: a copy would cost as much again.
        data = self._new_bytes(None, size)
        piece = _Piece(data, size)
        count = _checked(self._preadv2(descriptor, ctypes.addressof(piece), 1, offset, os.RWF_NOWAIT))
        return data if count == size else None

    def has(self, descriptor: int, places: Iterable[int]) -> bool:
        """Whether the bytes at these offsets of a file are in memory; asked up to the first that is not."""
        # All answers go to one byte that nobody reads, and the loop runs in C: a probe costs little but its call.
        byte = repeat(ctypes.addressof(self._byte))
        counts = map(self._preadv2, repeat(descriptor), byte, repeat(1), places, repeat(os.RWF_NOWAIT))
        return all(map(_ONE_BYTE, counts))

    def _asked(self, descriptor: int, mask: int) -> bytes:
        answer = self._new_bytes(None, _STATX_BYTES)
        _checked(self._statx(descriptor, b"", _EMPTY_PATH | _DONT_SYNC, mask, answer))
        return answer

    def file_system(self, descriptor: int) -> int:
        """The magic number of the file system. This call may wait."""
        answer = ctypes.create_string_buffer(_STATFS_BYTES)
        _checked(self._fstatfs(descriptor, answer))
        return c_long.from_buffer(answer).value


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
