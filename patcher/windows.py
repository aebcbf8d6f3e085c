"""What only Windows has: long paths, files that refuse or append, access lists, pipes, what it shows, jobs.

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
NEEDS_ADMINISTRATOR = 740
"""The error of a program that says it runs as administrator only."""
UNABLE = (216, 225, 226, 1260, 4551)
"""Errors of programs that are not started: for another kind of computer; refused by a virus scanner, or by a policy."""
RECALLED = 0x440000
"""Attributes (`st_file_attributes`) of a file whose bytes are with a cloud service until they are read."""
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
    from collections.abc import Iterator
    from contextlib import closing, contextmanager, suppress
    from ctypes import wintypes
    from multiprocessing import connection
    from typing import Any

    _READ, _WRITE, _DELETE, _ADD_FILE, _ADD_FOLDER = 0x80000000, 0x40000000, 0x10000, 0x2, 0x4
    _SHARE_ALL, _EXISTING, _ITSELF = 0x7, 3, 0x02200000
    """For CreateFile: others may do anything; it must exist; folders too, and links themselves."""
    _APPEND, _ANEW, _END_OF_FILE = 0x100004, 2, 6
    _FILE_OBJECT, _OWNER, _DACL, _PROTECTED, _SDDL_1 = 1, 0x1, 0x4, 0x80000000, 1
    _LOCAL_MESSAGES = 0x4 | 0x2 | 0x8
    """A pipe written and read by messages, that refuses other computers."""
    _PIPE_BYTES = 8192
    _COST_MANAGER = "DCB00C01-570F-4A9B-8D69-199FDBA5723B", "DCB00008-570F-4A9B-8D69-199FDBA5723B"
    _TASKBAR = "56FDF344-FD6D-11D0-958A-006097C9A090", "EA1AFB91-9E28-4B86-90E9-9E9F8A5EEFAF"
    """A class and an interface: NetworkListManager, INetworkCostManager; TaskbarList, ITaskbarList3."""
    _RELEASE, _GET_COST, _HAS_STARTED, _SET_VALUE, _SET_STATE = 2, 3, 3, 9, 10
    """Places of methods in their interfaces: Release; GetCost; HrInit, SetProgressValue, SetProgressState."""
    _EVERY_SERVER, _APARTMENT, _NO_BAR = 0x17, 2, 0
    _TOKEN_QUERY, _TOKEN_USER = 0x8, 1
    _TRUSTEE = re.compile(r"\((?!D;)[^;()]*;[^;]*;[^;]*;[^;]*;[^;]*;([^;)]*)")
    """Whom an entry of an access list lets in, in the Security Descriptor Definition Language."""
    _ALWAYS = {"SY", "BA", "OW", "CO"}
    """The system and administrators, who can read everything anyway; a file's owner, and whoever makes one."""
    _EXTENDED_LIMITS, _PROCESS_MEMORY = 9, 0x100

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _security = ctypes.WinDLL("advapi32", use_last_error=True)
    _user = ctypes.WinDLL("user32")

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
        found = set(_TRUSTEE.findall(_said(folder, _DACL)))
        return bool(found) and found <= _ALWAYS | {own_name()}

    def foreign_owner(path: str) -> str:
        """The account that owns the file or folder, and so can let anybody in; empty if it is ours.

        The system, administrators, and everyone, as on disks that keep no owners, are no foreigners.
        """
        owner = _said(path, _OWNER).removeprefix("O:")
        return "" if owner in {"", "SY", "BA", "WD", own_name()} else owner

    def own_name() -> str:
        """This process's user, as the definition language writes it: some accounts have a short name."""
        with _descriptor(f"O:{_own_sid()}") as descriptor:
            return _text(descriptor, _OWNER).removeprefix("O:")

    def make_private(folder: str) -> None:
        """Let in only us and the system, also to what is or will be in the folder. Raises OSError."""
        dacl, flag = ctypes.c_void_p(), wintypes.BOOL()
        with _descriptor(f"D:P(A;OICI;FA;;;{_own_sid()})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)") as descriptor:
            found = (ctypes.byref(flag), ctypes.byref(dacl), ctypes.byref(flag))
            _check(_security.GetSecurityDescriptorDacl(descriptor, *found))
            all_of_it = (_FILE_OBJECT, _DACL | _PROTECTED, None, None, dacl, None)
            if code := _security.SetNamedSecurityInfoW(folder, *all_of_it):
                raise ctypes.WinError(code)
            _check(_security.SetFileSecurityW(folder, _DACL | _PROTECTED, descriptor))  # Wine does only this

    def _said(path: str, part: int) -> str:
        """A part of what the system says of who may do what, in the definition language; empty if it says nothing."""
        found = ctypes.c_void_p()
        if _security.GetNamedSecurityInfoW(path, _FILE_OBJECT, part, None, None, None, None, ctypes.byref(found)):
            return ""
        try:
            return _text(found, part)
        finally:
            _kernel.LocalFree(found)

    def _text(descriptor: ctypes.c_void_p, part: int) -> str:
        text = wintypes.LPWSTR()
        is_said = _security.ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor, _SDDL_1, part, ctypes.byref(text), None
        )
        return _taken(text) if is_said else ""

    @contextmanager
    def _descriptor(text: str) -> Iterator[ctypes.c_void_p]:
        """What the definition language says, as the system takes it. Raises OSError."""
        made = ctypes.c_void_p()
        _check(_security.ConvertStringSecurityDescriptorToSecurityDescriptorW(text, _SDDL_1, ctypes.byref(made), None))
        try:
            yield made
        finally:
            _kernel.LocalFree(made)

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

    # ------------------------------------------------------------ pipes

    class _SecurityAttributes(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("descriptor", ctypes.c_void_p), ("is_inherited", wintypes.BOOL))

    class PrivatePipe(connection.PipeListener):
        """Waits for this user's programs at a pipe of this computer; `multiprocessing` lets everyone read.

        Its ``accept`` and ``close`` are those of `multiprocessing.connection.Listener`. Raises OSError.
        """

        def __init__(self) -> None:
            self.address = connection.arbitrary_address("AF_PIPE")
            super().__init__(self.address)

        def _new_handle(self, first: bool = False) -> int:  # the name is that of the class above
            mode = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
            mode |= _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE if first else 0
            with _descriptor(f"D:P(A;;GA;;;{_own_sid()})") as descriptor:
                who = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), descriptor)
                return _winapi.CreateNamedPipe(
                    self.address, mode, _LOCAL_MESSAGES, _winapi.PIPE_UNLIMITED_INSTANCES, _PIPE_BYTES, _PIPE_BYTES,
                    _winapi.NMPWAIT_WAIT_FOREVER, ctypes.addressof(who),
                )  # fmt: skip

    def pipe_server(handle: int) -> int:
        """The process that serves the other end of a pipe. Raises OSError."""
        pid = wintypes.DWORD()
        _check(_kernel.GetNamedPipeServerProcessId(wintypes.HANDLE(handle), ctypes.byref(pid)))
        return pid.value

    # ------------------------------------------------------------ the Component Object Model

    class _Object:
        """An object of the system, by its interface. Close it in the thread that made it. Raises OSError."""

        def __init__(self, its_class: str, interface: str) -> None:
            self._pointer = ctypes.c_void_p()
            ole, pointer = ctypes.OleDLL("ole32"), ctypes.byref(self._pointer)
            with suppress(OSError):  # another library of this thread was first, in another way
                ole.CoInitializeEx(None, _APARTMENT)
            ole.CoCreateInstance(_guid(its_class), None, _EVERY_SERVER, _guid(interface), pointer)

        def call(self, number: int, *arguments: Any) -> None:
            """Call the method at this place of the interface. Raises OSError."""
            methods = ctypes.cast(self._pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
            kinds = [ctypes.c_uint64 if isinstance(each, int) else type(each) for each in arguments]
            ctypes.WINFUNCTYPE(ctypes.HRESULT, ctypes.c_void_p, *kinds)(methods[number])(self._pointer, *arguments)

        def close(self) -> None:
            """Give it back."""
            self.call(_RELEASE)

    def _guid(text: str) -> ctypes.Array[ctypes.c_char]:
        return ctypes.create_string_buffer(uuid.UUID(text).bytes_le, 16)

    def network_cost() -> int:
        """What Windows says of the connection (NLM_CONNECTION_COST): bits, 0 if it says nothing."""
        cost = wintypes.DWORD()
        with suppress(OSError), closing(_Object(*_COST_MANAGER)) as manager:
            manager.call(_GET_COST, ctypes.c_void_p(ctypes.addressof(cost)), ctypes.c_void_p())
        return cost.value

    def is_metered() -> bool:
        """Whether Windows says that the connection is paid by its amount; no if it says nothing.

        Fixed cost, 2: up to a plan's amount. Variable cost, 4: by the byte.
        """
        return bool(network_cost() & (2 | 4))

    class Taskbar:
        """The bar over a window's button in the taskbar. Use it in the thread of the window. Raises OSError."""

        def __init__(self) -> None:
            self._list = _Object(*_TASKBAR)
            self._list.call(_HAS_STARTED)

        def show(self, window: int, percent: int) -> None:
            """Show how far the work of a window is, by its handle. Below 0 there is no bar."""
            handle = ctypes.c_void_p(window)
            if percent < 0:
                self._list.call(_SET_STATE, handle, ctypes.c_int(_NO_BAR))
            else:
                self._list.call(_SET_VALUE, handle, percent, 100)

        def close(self) -> None:
            """Give it back."""
            self._list.close()

    def allow_front(process: int) -> None:
        """Let another process bring its window to the front, which is this one's right if the player started it."""
        _user.AllowSetForegroundWindow(process)

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
        import psutil  # the stub does without it

        now_bytes = psutil.Process().memory_info().pagefile
        limits = _Limits(flags=_PROCESS_MEMORY, process_memory=now_bytes + more_bytes)
        _kernel.CreateJobObjectW.restype = wintypes.HANDLE
        job = wintypes.HANDLE(_kernel.CreateJobObjectW(None, None))
        _check(job.value or 0)
        _check(_kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)))
        _check(_kernel.AssignProcessToJobObject(job, wintypes.HANDLE(-1)))
