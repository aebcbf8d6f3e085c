; The installer of a launcher for Windows, for makensis of NSIS 3 as Debian has it, with what 64-bit programs are made of.
; `patcher/publish/launcher/installer.py` says what stands in ${}. It is for one account and asks for no rights: one click, or /S
; for none; /D=FOLDER as the last word.
;
;   FILES        a script that lays down the stub, and beside it the version, which has the name FIRST, file by file
;   ENTRY, ICON  files: what says that the version is whole (docs/formats/program.md); an .ico
;   NAME         as players see it             FOLDER    the name of its folder and of its entry in the Start menu
;   ID           its own, in the registry      HOME      the name of its settings' folder
;   RUN          its value in the Run key      LINKS     is defined for the launcher that opens shoal: links
;   VERSION      of the launcher, and NUMBERS  as four numbers
;   OUT          the file to make
;
; A version without its entry is never started, so the entry is laid last: an installer that was interrupted leaves what
; was there, or nothing that starts, and may be run again.

Unicode true
Target amd64-unicode ; as all that it lays down
SetCompressor /SOLID /FINAL lzma
SetCompressorDictSize 64
SetDateSave off ; the same bytes whenever it is made
RequestExecutionLevel user
ManifestDPIAware true
ManifestSupportedOS all
Name "${NAME}"
OutFile "${OUT}"
Icon "${ICON}"
UninstallIcon "${ICON}"
InstallDir "$LOCALAPPDATA\Programs\${FOLDER}"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
BrandingText " "
AutoCloseWindow true
ShowInstDetails nevershow
ShowUninstDetails nevershow
VIProductVersion "${NUMBERS}"
VIAddVersionKey ProductName "${NAME}"
VIAddVersionKey FileDescription "${NAME}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey LegalCopyright ""

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${ID}"
!define CLASSES "Software\Classes"
!include FileFunc.nsh
!include LogicLib.nsh

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles
LoadLanguageFile "${NSISDIR}\Contrib\Language files\English.nlf"
LoadLanguageFile "${NSISDIR}\Contrib\Language files\German.nlf"
LangString RUNS ${LANG_ENGLISH} "${NAME} is open. Close it, then try again."
LangString RUNS ${LANG_GERMAN} "${NAME} ist offen. Schließe es und versuche es noch einmal."
LangString OTHERS ${LANG_ENGLISH} "$INSTDIR holds files that are not of ${NAME}. Choose another folder."
LangString OTHERS ${LANG_GERMAN} "$INSTDIR enthält Dateien, die nicht zu ${NAME} gehören. Wähle einen anderen Ordner."
LangString SETTINGS ${LANG_ENGLISH} "Remove the settings of ${NAME} as well? Your games stay in either case."
LangString SETTINGS ${LANG_GERMAN} "Auch die Einstellungen von ${NAME} entfernen? Deine Spiele bleiben in jedem Fall."

!macro END_PROGRAMS un
; Ends when no program of the launcher runs: the player closes the window, and the engine is asked. A file of a program
; that runs cannot be opened for writing.
Function ${un}EndPrograms
  again:
  StrCpy $3 "shoal-launcher.exe"
  Call ${un}IsAnyOpen
  ${If} $2 == 1
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(RUNS)" /SD IDCANCEL IDRETRY again
    SetErrorLevel 2
    Quit
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\shoal.exe"
    nsExec::Exec '"$INSTDIR\shoal.exe" --engine --end'
    Pop $0
  ${EndIf}
  StrCpy $3 "shoal.exe"
  StrCpy $4 0
  ${Do}
    Call ${un}IsAnyOpen
    ${If} $2 == 0
      Return
    ${EndIf}
    Sleep 200
    IntOp $4 $4 + 1
  ${LoopUntil} $4 > 150
  Goto again
FunctionEnd

Function ${un}IsAnyOpen ; $2: whether the program $3 of a version runs
  StrCpy $2 0
  FindFirst $0 $1 "$INSTDIR\versions\*"
  ${DoUntil} $1 == ""
    ${If} ${FileExists} "$INSTDIR\versions\$1\$3"
      ClearErrors
      FileOpen $5 "$INSTDIR\versions\$1\$3" a
      ${If} ${Errors}
        StrCpy $2 1
      ${Else}
        FileClose $5
      ${EndIf}
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
FunctionEnd
!macroend
!insertmacro END_PROGRAMS ""
!insertmacro END_PROGRAMS "un."

Section
  ${IfNot} ${FileExists} "$INSTDIR\uninstall.exe"
    FindFirst $0 $1 "$INSTDIR\*"
    ${DoUntil} $1 == ""
      ${If} $1 != "."
      ${AndIf} $1 != ".."
        MessageBox MB_OK|MB_ICONSTOP "$(OTHERS)" /SD IDOK
        SetErrorLevel 2
        Quit
      ${EndIf}
      FindNext $0 $1
    ${Loop}
    FindClose $0
  ${EndIf}
  Call EndPrograms
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe" ; says from now on that the folder is ours
  Delete "$INSTDIR\versions\${FIRST}.json"
  RMDir /r "$INSTDIR\versions\${FIRST}"
  RMDir /r "$INSTDIR\stub"
  !include "${FILES}"
  SetOutPath "$INSTDIR"
  File "/oname=launcher.ico" "${ICON}"
  SetOutPath "$INSTDIR\versions"
  File "/oname=${FIRST}.json" "${ENTRY}"
  FindFirst $0 $1 "$INSTDIR\versions\*" ; what was installed before makes way
  ${DoUntil} $1 == ""
    ${If} $1 != "."
    ${AndIf} $1 != ".."
    ${AndIf} $1 != "${FIRST}"
    ${AndIf} $1 != "${FIRST}.json"
      Delete "$INSTDIR\versions\$1.json"
      Delete "$INSTDIR\versions\$1"
      RMDir /r "$INSTDIR\versions\$1"
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
  Delete "$INSTDIR\current.json"
  SetOutPath "$INSTDIR"
  CreateShortCut "$SMPROGRAMS\${FOLDER}.lnk" "$INSTDIR\shoal-launcher.exe" "" "$INSTDIR\launcher.ico"
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\launcher.ico"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" $0
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Function .onInstSuccess
  ${IfNot} ${Silent}
    Exec '"$INSTDIR\shoal-launcher.exe"'
  ${EndIf}
FunctionEnd

; ---------------------------------------------------------------- removing it: games stay, and settings unless asked

Section Uninstall
  Call un.EndPrograms
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/SETTINGS" $1
  ${IfNot} ${Errors}
    Call un.Settings
  ${Else}
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(SETTINGS)" /SD IDNO IDNO kept
    Call un.Settings
    kept:
  ${EndIf}
  Delete "$INSTDIR\versions\*.json"
  RMDir /r "$INSTDIR\versions"
  RMDir /r "$INSTDIR\stub"
  Delete "$INSTDIR\shoal-launcher.exe"
  Delete "$INSTDIR\shoal.exe"
  Delete "$INSTDIR\launcher.ico"
  Delete "$INSTDIR\current.json"
  Delete "$INSTDIR\stub.lock"
  Delete "$INSTDIR\waiting-*"
  Delete "$INSTDIR\uninstall.exe"
  SetOutPath "$TEMP"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\${FOLDER}.lnk"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "${RUN}"
  !ifdef LINKS
    ReadRegStr $0 HKCU "${CLASSES}\shoal\shell\open\command" ""
    StrLen $1 "$INSTDIR\"
    StrCpy $2 $0 1
    ${If} $2 == '"'
      StrCpy $0 $0 "" 1
    ${EndIf}
    StrCpy $0 $0 $1
    ${If} $0 == "$INSTDIR\" ; and not another copy of Shoal
      DeleteRegKey HKCU "${CLASSES}\shoal"
      DeleteRegKey HKCU "${CLASSES}\Shoal.Feed"
      DeleteRegKey HKCU "${CLASSES}\.shoalfeed"
    ${EndIf}
  !endif
SectionEnd

Function un.Settings ; all of the player's folder but games, and what a publisher cannot get back
  FindFirst $0 $1 "$LOCALAPPDATA\${HOME}\*"
  ${DoUntil} $1 == ""
    ${If} $1 != "."
    ${AndIf} $1 != ".."
    ${AndIf} $1 != "titles"
    ${AndIf} $1 != "keys"
    ${AndIf} $1 != "preloads"
      Delete "$LOCALAPPDATA\${HOME}\$1"
      RMDir /r "$LOCALAPPDATA\${HOME}\$1"
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
  RMDir "$LOCALAPPDATA\${HOME}\titles"
  RMDir "$LOCALAPPDATA\${HOME}"
FunctionEnd
