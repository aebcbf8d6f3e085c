/* python.exe and pythonw.exe: all of Python is in python311.dll. */
#include <stdio.h>
#include <windows.h>

typedef int (*main_t)(int, wchar_t **);

int wmain(int argc, wchar_t **argv) {
    HMODULE dll = LoadLibraryW(L"python311.dll");
    main_t run = dll ? (main_t)(void *)GetProcAddress(dll, "Py_Main") : NULL;
    if (!run) {
        fwprintf(stderr, L"python311.dll cannot be loaded: %lu\n", GetLastError());
        return 3;
    }
    return run(argc, argv);
}
