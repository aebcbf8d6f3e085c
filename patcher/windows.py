"""What only Windows has: long paths, files that refuse or append, access lists, jobs.

Other systems may call what stands before the line.
"""

import errno
import os
import re
import sys
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Virus scanners and indexers hold new files open for a moment; a running game holds them longer than this."""

_LONG = 240
"""From here on a path is given in its long form: a folder may have 248 characters, and names get endings."""
_LONG_FORM = "\\\\?\\"

CODES = {32: "disk.in_use", 33: "disk.in_use", 1224: "disk.in_use", 19: "disk.read_only", 39: "disk.full"}
"""Errors of Windows (`OSError.winerror`) that Python's errno calls denied or invalid, with our codes: 32 is a sharing
violation, 33 a locked range, 1224 a file mapped into memory, 19 a write-protected medium, 39 a full one."""
_DENIED = 5
_PATIENCE = (_DENIED, 145, 183, 303, *(number for number, code in CODES.items() if code == "disk.in_use"))
"""Errors that may be over in a moment. "Denied" is also said of a file that is to be replaced while it is open or runs.
It, 183 (exists) and 303 are said of a name whose file is being deleted, and 145 (not empty) of its folder."""


def system_path(path: str | os.PathLike[str]) -> str:
    """The path as system calls take it: on Windows, a long one in the form that has no limit."""
    text = os.fspath(path)
    if os.name != "nt" or len(text) < _LONG or text.startswith(_LONG_FORM):
        return text
    text = os.path.abspath(text)
    return f"{_LONG_FORM}UNC{text[1:]}" if text.startswith("\\\\") else _LONG_FORM + text


def patiently(call: Callable[[], Result], name: str = "", unprotect: Callable[[str], None] = lambda _: None) -> Result:
    """Repeat ``call`` while another program has a file open. Raises OSError (EBUSY) when that takes longer.

    ``name``: what is removed or replaced; ``unprotect`` is called with it, as a read-only file refuses both.
    """
    for pause_s in _PAUSES_S:
        try:
            return call()
        except OSError as error:
            if getattr(error, "winerror", None) not in _PATIENCE:
                raise
        unprotect(name)
        time.sleep(pause_s)
    try:
        return call()
    except OSError as error:
        if getattr(error, "winerror", None) == _DENIED and name and _is_ours_to_delete(name):
            raise OSError(errno.EBUSY, "Another program uses it", name) from error
        raise


def open_patiently(name: str, flags: int, call: Callable[[], int]) -> int:
    """`patiently` for a ``call`` of `os.open`, which does not tell why Windows refused to open ``name``."""

    def told() -> int:
        try:
            return call()
        except PermissionError:
            if sys.platform == "win32":  # raises the reason; of a folder there is none
                access = _READ | (_WRITE if flags & (os.O_WRONLY | os.O_RDWR) else 0)
                _winapi.CloseHandle(_winapi.CreateFile(name, access, _SHARE_ALL, 0, _EXISTING, _ITSELF, 0))
            raise

    return patiently(told)


def _is_ours_to_delete(path: str) -> bool:
    """Whether we may delete the file. If the system refuses all the same, a program uses it. True on other systems."""
    if sys.platform == "win32":
        try:
            _winapi.CloseHandle(_winapi.CreateFile(path, _DELETE, _SHARE_ALL, 0, _EXISTING, _ITSELF, 0))
        except OSError as error:
            return CODES.get(error.winerror) == "disk.in_use"
    return True


def is_console(descriptor: int) -> bool:
    """Whether a descriptor that Python takes for a terminal is one, and not NUL. True on other systems."""
    if sys.platform == "win32":
        handle, mode = wintypes.HANDLE(msvcrt.get_osfhandle(descriptor)), wintypes.DWORD()
        return bool(_kernel.GetConsoleMode(handle, ctypes.byref(mode)))
    return True


# ---------------------------------------------------------------- on Windows only

if sys.platform == "win32":
    import _winapi
    import ctypes
    import msvcrt
    import uuid
    from ctypes import wintypes

    import psutil

    _READ, _WRITE, _DELETE, _ADD_FILE, _ADD_FOLDER = 0x80000000, 0x40000000, 0x10000, 0x2, 0x4
    _SHARE_ALL, _EXISTING, _ITSELF = 0x7, 3, 0x02200000
    """For CreateFile: others may do anything; it must exist; folders too, and links themselves."""
    _APPEND, _ANEW, _END_OF_FILE = 0x100004, 2, 6
    _FILE_OBJECT, _DACL, _PROTECTED, _SDDL_1 = 1, 0x4, 0x80000000, 1
    _NETWORKS, _COSTS = "DCB00C01-570F-4A9B-8D69-199FDBA5723B", "DCB00008-570F-4A9B-8D69-199FDBA5723B"
    """The class NetworkListManager and its interface INetworkCostManager."""
    _EVERY_SERVER = 0x17
    _TOKEN_QUERY, _TOKEN_USER = 0x8, 1
    _TRUSTEE = re.compile(r"\((?!D;)[^;()]*;[^;]*;[^;]*;[^;]*;[^;]*;([^;)]*)")
    """Whom an entry of an access list lets in, in the Security Descriptor Definition Language."""
    _ALWAYS = {"SY", "BA", "OW", "CO"}
    """The system and administrators, who can read everything anyway; a file's owner, and whoever makes one."""
    _EXTENDED_LIMITS, _PROCESS_MEMORY = 9, 0x100

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _security = ctypes.WinDLL("advapi32", use_last_error=True)

    def check_may_add(folder: str) -> None:
        """Raises OSError when nothing may be made in the folder."""
        _winapi.CloseHandle(_winapi.CreateFile(folder, _ADD_FILE | _ADD_FOLDER, _SHARE_ALL, 0, _EXISTING, _ITSELF, 0))

    # ------------------------------------------------------------ files

    def set_size(descriptor: int, size_bytes: int) -> None:
        """Set the size of an open file, without writing to it. Raises OSError."""
        handle, size = wintypes.HANDLE(msvcrt.get_osfhandle(descriptor)), ctypes.c_int64(size_bytes)
        _check(_kernel.SetFileInformationByHandle(handle, _END_OF_FILE, ctypes.byref(size), ctypes.sizeof(size)))

    def open_log(path: str) -> int:
        """A descriptor of the file, emptied. All that is written through it goes to what is its end by then.

        The C library's own files for appending are so for this process alone, and not for one that inherits them.
        """
        handle = _winapi.CreateFile(path, _APPEND, _SHARE_ALL, 0, _ANEW, 0, 0)
        return msvcrt.open_osfhandle(handle, os.O_APPEND)

    # ------------------------------------------------------------ access lists

    def is_private(folder: str) -> bool:
        """Whether the access list lets nobody in but us and the system. False when there is no list."""
        descriptor, text = ctypes.c_void_p(), wintypes.LPWSTR()
        if _security.GetNamedSecurityInfoW(
            folder, _FILE_OBJECT, _DACL, None, None, None, None, ctypes.byref(descriptor)
        ):
            return False
        try:
            is_said = _security.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor, _SDDL_1, _DACL, ctypes.byref(text), None
            )
            found = set(_TRUSTEE.findall(_taken(text))) if is_said else set()
        finally:
            _kernel.LocalFree(descriptor)
        return bool(found) and found <= _ALWAYS | {_own_sid()}

    def make_private(folder: str) -> None:
        """Let in only us and the system, also to what is or will be in the folder. Raises OSError."""
        wanted = f"D:P(A;OICI;FA;;;{_own_sid()})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
        descriptor, dacl, flag = ctypes.c_void_p(), ctypes.c_void_p(), wintypes.BOOL()
        _check(
            _security.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                wanted, _SDDL_1, ctypes.byref(descriptor), None
            )
        )
        try:
            found = (ctypes.byref(flag), ctypes.byref(dacl), ctypes.byref(flag))
            _check(_security.GetSecurityDescriptorDacl(descriptor, *found))
            code = _security.SetNamedSecurityInfoW(folder, _FILE_OBJECT, _DACL | _PROTECTED, None, None, dacl, None)
        finally:
            _kernel.LocalFree(descriptor)
        if code:
            raise ctypes.WinError(code)

    def _own_sid() -> str:
        """The security identifier of this process's user."""
        token, size, text = wintypes.HANDLE(), wintypes.DWORD(), wintypes.LPWSTR()
        process = wintypes.HANDLE(-1)  # this one
        _check(_security.OpenProcessToken(process, _TOKEN_QUERY, ctypes.byref(token)))
        try:
            _security.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(size))
            user = ctypes.create_string_buffer(size.value)
            _check(_security.GetTokenInformation(token, _TOKEN_USER, user, size, ctypes.byref(size)))
        finally:
            _kernel.CloseHandle(token)
        sid = ctypes.cast(user, ctypes.POINTER(ctypes.c_void_p)).contents
        _check(_security.ConvertSidToStringSidW(sid, ctypes.byref(text)))
        return _taken(text)

    def _taken(text: wintypes.LPWSTR) -> str:
        """The text, its memory given back."""
        value = text.value or ""
        _kernel.LocalFree(text)
        return value

    def _check(is_done: int) -> None:
        if not is_done:
            raise ctypes.WinError(ctypes.get_last_error())

    # ------------------------------------------------------------ the connection

    def is_metered() -> bool:
        """Whether Windows says that the connection is paid by its amount (INetworkCostManager); no if it says nothing.

        Fixed cost, 2: up to a plan's amount. Variable cost, 4: by the byte.
        """
        ole, manager, cost = ctypes.OleDLL("ole32"), ctypes.c_void_p(), wintypes.DWORD()
        try:
            ole.CoInitializeEx(None, 0)
            ole.CoCreateInstance(_guid(_NETWORKS), None, _EVERY_SERVER, _guid(_COSTS), ctypes.byref(manager))
            methods = ctypes.cast(manager, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
            get_cost = ctypes.WINFUNCTYPE(ctypes.HRESULT, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(methods[3])
            release = ctypes.WINFUNCTYPE(wintypes.ULONG, ctypes.c_void_p)(methods[2])
            try:
                get_cost(manager, ctypes.addressof(cost), None)
            finally:
                release(manager)
        except OSError:
            return False
        return bool(cost.value & (2 | 4))

    def _guid(text: str) -> ctypes.Array[ctypes.c_char]:
        return ctypes.create_string_buffer(uuid.UUID(text).bytes_le, 16)

    # ------------------------------------------------------------ jobs

    class _Limits(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("times", ctypes.c_int64 * 2),
            ("flags", wintypes.DWORD),
            ("working_set", ctypes.c_size_t * 2),
            ("processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("classes", wintypes.DWORD * 2),
            ("transfers", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 3),
        )

    def limit_memory(more_bytes: int) -> None:
        """Bound the memory of this process to ``more_bytes`` beyond what it has: an allocation above that fails.

        It enters a job, which ends with it. Raises OSError.
        """
        now_bytes = psutil.Process().memory_info().pagefile
        limits = _Limits(flags=_PROCESS_MEMORY, process_memory=now_bytes + more_bytes)
        _kernel.CreateJobObjectW.restype = wintypes.HANDLE
        job = wintypes.HANDLE(_kernel.CreateJobObjectW(None, None))
        _check(job.value or 0)
        _check(_kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)))
        _check(_kernel.AssignProcessToJobObject(job, wintypes.HANDLE(-1)))
