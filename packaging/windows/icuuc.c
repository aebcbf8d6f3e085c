/* icuuc.dll is part of Windows and not of Wine. Qt asks it for text converters, and can do without any. */
#define NONE(type, name, args, code) __declspec(dllexport) type name args { code; }

NONE(void *, ucnv_open, (const char *n, int *e), *e = 2; return 0)
NONE(void, ucnv_close, (void *c), )
NONE(void, ucnv_reset, (void *c), )
NONE(signed char, ucnv_getMaxCharSize, (void *c), return 1)
NONE(const char *, ucnv_getName, (void *c, int *e), *e = 2; return 0)
NONE(void, ucnv_getToUCallBack, (void *c, void **a, void **b), *a = *b = 0)
NONE(void, ucnv_getFromUCallBack, (void *c, void **a, void **b), *a = *b = 0)
NONE(void, ucnv_setToUCallBack, (void *c, void *a, void *b, void **d, void **f, int *e), *e = 2)
NONE(void, ucnv_setFromUCallBack, (void *c, void *a, void *b, void **d, void **f, int *e), *e = 2)
NONE(void, ucnv_cbToUWriteUChars, (void *a, void *s, int n, int o, int *e), *e = 2)
NONE(void, ucnv_cbFromUWriteUChars, (void *a, void *s, void *l, int o, int *e), *e = 2)
NONE(void, ucnv_toUnicode, (void *c, void *t, void *tl, void *s, void *sl, int *o, signed char f, int *e), *e = 2)
NONE(void, ucnv_fromUnicode, (void *c, void *t, void *tl, void *s, void *sl, int *o, signed char f, int *e), *e = 2)
NONE(int, ucnv_toUCountPending, (void *c, int *e), return 0)
NONE(int, ucnv_fromUCountPending, (void *c, int *e), return 0)
NONE(const char *, ucnv_getStandardName, (void *n, void *s, int *e), *e = 2; return 0)
NONE(const char *, ucnv_getAvailableName, (int n), return 0)
NONE(int, ucnv_countAvailable, (void), return 0)
NONE(void, UCNV_FROM_U_CALLBACK_SUBSTITUTE, (void), )
NONE(void, UCNV_TO_U_CALLBACK_SUBSTITUTE, (void), )

int __stdcall DllMain(void *a, unsigned b, void *c) { return 1; }
