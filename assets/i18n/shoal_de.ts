<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Button</name>
    <message>
        <source>Please wait</source>
        <translation>Bitte warten</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installieren</translation>
    </message>
    <message>
        <source>Update</source>
        <translation>Aktualisieren</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Needs space</source>
        <translation>Platz fehlt</translation>
    </message>
    <message>
        <source>Repair</source>
        <translation>Reparieren</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Spielen</translation>
    </message>
    <message>
        <source>Playing</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>{needed} needed, {free} free</source>
        <translation>{needed} nötig, {free} frei</translation>
    </message>
    <message>
        <source>{size} to download</source>
        <translation>{size} herunterzuladen</translation>
    </message>
    <message>
        <source>Starting the engine</source>
        <translation>Die Engine startet</translation>
    </message>
    <message>
        <source>Continues where it stopped</source>
        <translation>Macht weiter, wo es aufhörte</translation>
    </message>
    <message>
        <source>Waiting for another download</source>
        <translation>Wartet auf einen anderen Download</translation>
    </message>
    <message>
        <source>Files are not as released</source>
        <translation>Dateien weichen von der Version ab</translation>
    </message>
    <message>
        <source>The game is running</source>
        <translation>Das Spiel läuft</translation>
    </message>
    <message>
        <source>Choose a folder and parts, then download</source>
        <translation>Ordner und Teile wählen, dann herunterladen</translation>
    </message>
    <message>
        <source>Download the new release; the old one stays until the new one is complete</source>
        <translation>Die neue Version herunterladen; die alte bleibt, bis die neue vollständig ist</translation>
    </message>
    <message>
        <source>Pause; what was downloaded is kept</source>
        <translation>Anhalten; was heruntergeladen wurde, bleibt</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Stoppen</translation>
    </message>
    <message>
        <source>Continue where it stopped</source>
        <translation>Weitermachen, wo es aufhörte</translation>
    </message>
    <message>
        <source>Check the free space again, then continue</source>
        <translation>Den freien Platz noch einmal prüfen, dann weitermachen</translation>
    </message>
    <message>
        <source>Restore the released files</source>
        <translation>Die veröffentlichten Dateien wiederherstellen</translation>
    </message>
    <message>
        <source>Start the game</source>
        <translation>Das Spiel starten</translation>
    </message>
    <message>
        <source>Locate…</source>
        <translation>Ordner zeigen …</translation>
    </message>
    <message>
        <source>Its folder is missing</source>
        <translation>Der Ordner fehlt</translation>
    </message>
    <message>
        <source>Show where the folder is now, or connect its drive</source>
        <translation>Zeigen, wo der Ordner jetzt ist, oder das Laufwerk anschließen</translation>
    </message>
</context>
<context>
    <name>Errors</name>
    <message>
        <source>There is no feed at this address.</source>
        <translation>Unter dieser Adresse gibt es keinen Feed.</translation>
    </message>
    <message>
        <source>Check the address with the publisher.</source>
        <translation>Frage den Herausgeber nach der richtigen Adresse.</translation>
    </message>
    <message>
        <source>This feed&apos;s fingerprint is not the expected one.</source>
        <translation>Der Fingerabdruck dieses Feeds ist nicht der erwartete.</translation>
    </message>
    <message>
        <source>Somebody else may answer at its address. Ask the publisher for its fingerprint, or the file again.</source>
        <translation>Unter seiner Adresse antwortet vielleicht jemand anderes. Frage den Herausgeber nach dem Fingerabdruck, oder hole dir die Datei noch einmal.</translation>
    </message>
    <message>
        <source>The publisher&apos;s signature does not match what the server sent.</source>
        <translation>Die Signatur des Herausgebers passt nicht zu dem, was der Server geschickt hat.</translation>
    </message>
    <message>
        <source>Try again later. If it happens again, ask the publisher: the feed may be damaged.</source>
        <translation>Versuche es später noch einmal. Hilft das nicht, frage den Herausgeber: Der Feed kann beschädigt sein.</translation>
    </message>
    <message>
        <source>The publisher&apos;s signature has expired.</source>
        <translation>Die Signatur des Herausgebers ist abgelaufen.</translation>
    </message>
    <message>
        <source>The publisher has to renew the signature. You can still play; try again later.</source>
        <translation>Der Herausgeber muss die Signatur erneuern. Du kannst weiterhin spielen; versuche es später noch einmal.</translation>
    </message>
    <message>
        <source>The server offers an older state of this feed than it did before.</source>
        <translation>Der Server bietet einen älteren Stand dieses Feeds an als zuvor.</translation>
    </message>
    <message>
        <source>Try again later.</source>
        <translation>Versuche es später noch einmal.</translation>
    </message>
    <message>
        <source>This computer&apos;s clock is wrong.</source>
        <translation>Die Uhr dieses Computers geht falsch.</translation>
    </message>
    <message>
        <source>Set the date and time, then try again.</source>
        <translation>Stelle Datum und Uhrzeit richtig ein und versuche es noch einmal.</translation>
    </message>
    <message>
        <source>This feed needs a newer version of Shoal.</source>
        <translation>Dieser Feed braucht eine neuere Version von Shoal.</translation>
    </message>
    <message>
        <source>Update Shoal. Playing, checking and uninstalling still work.</source>
        <translation>Aktualisiere Shoal. Spielen, Prüfen und Deinstallieren gehen weiterhin.</translation>
    </message>
    <message>
        <source>This feed contains an invalid record.</source>
        <translation>Dieser Feed enthält einen ungültigen Eintrag.</translation>
    </message>
    <message>
        <source>Tell the publisher.</source>
        <translation>Sag es dem Herausgeber.</translation>
    </message>
    <message>
        <source>The publisher does not offer this release.</source>
        <translation>Der Herausgeber bietet diese Version nicht an.</translation>
    </message>
    <message>
        <source>Another program changed the record of what is installed in this folder.</source>
        <translation>Ein anderes Programm hat geändert, was in diesem Ordner als installiert vermerkt ist.</translation>
    </message>
    <message>
        <source>Repair restores what the publisher signed. Your own files stay.</source>
        <translation>Reparieren stellt wieder her, was der Herausgeber signiert hat. Deine eigenen Dateien bleiben.</translation>
    </message>
    <message>
        <source>The publisher no longer allows this release.</source>
        <translation>Der Herausgeber lässt diese Version nicht mehr zu.</translation>
    </message>
    <message>
        <source>Choose a newer release.</source>
        <translation>Wähle eine neuere Version.</translation>
    </message>
    <message>
        <source>The publisher no longer allows the previous release.</source>
        <translation>Der Herausgeber lässt die vorige Version nicht mehr zu.</translation>
    </message>
    <message>
        <source>Keep this release, unless you know why you need the previous one.</source>
        <translation>Behalte diese Version, außer du weißt, wozu du die vorige brauchst.</translation>
    </message>
    <message>
        <source>You seem to be offline: the server cannot be reached.</source>
        <translation>Du scheinst offline zu sein: Der Server ist nicht erreichbar.</translation>
    </message>
    <message>
        <source>You can play without a network. What was downloaded is kept.</source>
        <translation>Du kannst ohne Netz spielen. Was heruntergeladen wurde, bleibt.</translation>
    </message>
    <message>
        <source>The server could not prove its identity.</source>
        <translation>Der Server konnte seine Identität nicht nachweisen.</translation>
    </message>
    <message>
        <source>The server refused the download.</source>
        <translation>Der Server hat den Download abgelehnt.</translation>
    </message>
    <message>
        <source>Try again later. If it happens again, tell the publisher.</source>
        <translation>Versuche es später noch einmal. Hilft das nicht, sag es dem Herausgeber.</translation>
    </message>
    <message>
        <source>The server does not have a file that the release needs.</source>
        <translation>Dem Server fehlt eine Datei, die diese Version braucht.</translation>
    </message>
    <message>
        <source>Try again later, or allow downloads from other players in the settings.</source>
        <translation>Versuche es später noch einmal oder erlaube in den Einstellungen Downloads von anderen Spielern.</translation>
    </message>
    <message>
        <source>The download was too slow and has stopped.</source>
        <translation>Der Download war zu langsam und wurde beendet.</translation>
    </message>
    <message>
        <source>Try again later. What was downloaded is kept.</source>
        <translation>Versuche es später noch einmal. Was heruntergeladen wurde, bleibt.</translation>
    </message>
    <message>
        <source>The server redirected to an address that the feed does not list.</source>
        <translation>Der Server hat an eine Adresse weitergeleitet, die der Feed nicht nennt.</translation>
    </message>
    <message>
        <source>The server gave an unexpected answer.</source>
        <translation>Der Server hat unerwartet geantwortet.</translation>
    </message>
    <message>
        <source>Neither the server nor any player has the missing data right now.</source>
        <translation>Weder der Server noch ein Spieler hat gerade die fehlenden Daten.</translation>
    </message>
    <message>
        <source>A document of this feed is damaged.</source>
        <translation>Ein Dokument dieses Feeds ist beschädigt.</translation>
    </message>
    <message>
        <source>Try again. If it happens again, tell the publisher.</source>
        <translation>Versuche es noch einmal. Hilft das nicht, sag es dem Herausgeber.</translation>
    </message>
    <message>
        <source>Some downloaded data was not what the publisher signed. It was discarded.</source>
        <translation>Einige heruntergeladene Daten waren nicht die vom Herausgeber signierten. Sie wurden verworfen.</translation>
    </message>
    <message>
        <source>Try again, or download from the server only.</source>
        <translation>Versuche es noch einmal oder lade nur vom Server herunter.</translation>
    </message>
    <message>
        <source>A piece of the patch is damaged.</source>
        <translation>Ein Stück des Patches ist beschädigt.</translation>
    </message>
    <message>
        <source>Try again: a full download replaces the damaged piece.</source>
        <translation>Versuche es noch einmal: Ein vollständiger Download ersetzt das beschädigte Stück.</translation>
    </message>
    <message>
        <source>This system cannot start the game.</source>
        <translation>Dieses System kann das Spiel nicht starten.</translation>
    </message>
    <message>
        <source>Something that it needs may be missing here. Ask the publisher what it needs.</source>
        <translation>Vielleicht fehlt hier etwas, das es braucht. Frage den Herausgeber, was das Spiel braucht.</translation>
    </message>
    <message>
        <source>The game closed at once (code {code}).</source>
        <translation>Das Spiel hat sich sofort wieder beendet (Code {code}).</translation>
    </message>
    <message>
        <source>Check its files. If they are intact, its log may say why.</source>
        <translation>Prüfe seine Dateien. Sind sie unversehrt, steht der Grund vielleicht in seinem Protokoll.</translation>
    </message>
    <message>
        <source>The program that starts this title is not one of the publisher&apos;s files.</source>
        <translation>Das Programm, das diesen Titel startet, gehört nicht zu den Dateien des Herausgebers.</translation>
    </message>
    <message>
        <source>Repair the title. If it happens again, tell the publisher.</source>
        <translation>Repariere den Titel. Hilft das nicht, sag es dem Herausgeber.</translation>
    </message>
    <message>
        <source>There is not enough space on this drive.</source>
        <translation>Auf diesem Laufwerk ist nicht genug Platz.</translation>
    </message>
    <message>
        <source>This folder is read-only.</source>
        <translation>Dieser Ordner ist schreibgeschützt.</translation>
    </message>
    <message>
        <source>Make the folder writable or choose another one.</source>
        <translation>Mache den Ordner beschreibbar oder wähle einen anderen.</translation>
    </message>
    <message>
        <source>You do not have permission to write to this folder.</source>
        <translation>Dir fehlt das Recht, in diesen Ordner zu schreiben.</translation>
    </message>
    <message>
        <source>Check who owns the folder, or choose another one.</source>
        <translation>Prüfe, wem der Ordner gehört, oder wähle einen anderen.</translation>
    </message>
    <message>
        <source>Another program is using the files.</source>
        <translation>Ein anderes Programm benutzt die Dateien.</translation>
    </message>
    <message>
        <source>Close that program, then try again.</source>
        <translation>Beende dieses Programm und versuche es noch einmal.</translation>
    </message>
    <message>
        <source>A file that is not the publisher&apos;s is in the way of a new one.</source>
        <translation>Einer neuen Datei steht eine im Weg, die nicht vom Herausgeber ist.</translation>
    </message>
    <message>
        <source>Move that file away, then try again.</source>
        <translation>Verschiebe diese Datei und versuche es noch einmal.</translation>
    </message>
    <message>
        <source>The drive reported an error.</source>
        <translation>Das Laufwerk hat einen Fehler gemeldet.</translation>
    </message>
    <message>
        <source>Check the drive, then try again.</source>
        <translation>Prüfe das Laufwerk und versuche es noch einmal.</translation>
    </message>
    <message>
        <source>There are other files in this folder.</source>
        <translation>In diesem Ordner liegen andere Dateien.</translation>
    </message>
    <message>
        <source>Choose an empty folder, or locate the game if it is installed there.</source>
        <translation>Wähle einen leeren Ordner oder gib an, dass das Spiel dort schon installiert ist.</translation>
    </message>
    <message>
        <source>The folder of this title is missing.</source>
        <translation>Der Ordner dieses Titels fehlt.</translation>
    </message>
    <message>
        <source>Files of this title have been changed.</source>
        <translation>Dateien dieses Titels wurden verändert.</translation>
    </message>
    <message>
        <source>Repair restores the released files.</source>
        <translation>Reparieren stellt die veröffentlichten Dateien wieder her.</translation>
    </message>
    <message>
        <source>An update was interrupted while its files were put in place.</source>
        <translation>Ein Update wurde beim Einsetzen der Dateien unterbrochen.</translation>
    </message>
    <message>
        <source>Try again: the update continues where it stopped.</source>
        <translation>Versuche es noch einmal: Das Update macht weiter, wo es aufhörte.</translation>
    </message>
    <message>
        <source>The game&apos;s folder contains the record of an update that Shoal did not write.</source>
        <translation>Im Ordner des Spiels liegt das Protokoll eines Updates, das nicht von Shoal stammt.</translation>
    </message>
    <message>
        <source>Repair removes the record and checks every file.</source>
        <translation>Reparieren entfernt das Protokoll und prüft jede Datei.</translation>
    </message>
    <message>
        <source>Shoal&apos;s own files cannot be read or written.</source>
        <translation>Shoals eigene Dateien lassen sich nicht lesen oder schreiben.</translation>
    </message>
    <message>
        <source>Repair the file that the details name, or start Shoal with another home folder.</source>
        <translation>Repariere die Datei, die in den Details steht, oder starte Shoal mit einem anderen eigenen Ordner.</translation>
    </message>
    <message>
        <source>Shoal&apos;s own folder belongs to another user, or other users may write to it.</source>
        <translation>Shoals eigener Ordner gehört einem anderen Benutzer, oder andere Benutzer dürfen hineinschreiben.</translation>
    </message>
    <message>
        <source>Start Shoal as the folder&apos;s owner, or with another home folder.</source>
        <translation>Starte Shoal als Besitzer des Ordners oder mit einem anderen eigenen Ordner.</translation>
    </message>
    <message>
        <source>Shoal cannot do that.</source>
        <translation>Das kann Shoal nicht tun.</translation>
    </message>
    <message>
        <source>Check what was entered.</source>
        <translation>Prüfe die Eingabe.</translation>
    </message>
    <message>
        <source>None of your feeds offers this title any more.</source>
        <translation>Keiner deiner Feeds bietet diesen Titel noch an.</translation>
    </message>
    <message>
        <source>Add a feed that offers this title.</source>
        <translation>Füge einen Feed hinzu, der diesen Titel anbietet.</translation>
    </message>
    <message>
        <source>This feed is no longer one of yours.</source>
        <translation>Dieser Feed gehört nicht mehr zu deinen.</translation>
    </message>
    <message>
        <source>Add the feed again.</source>
        <translation>Füge den Feed wieder hinzu.</translation>
    </message>
    <message>
        <source>This title is not installed.</source>
        <translation>Dieser Titel ist nicht installiert.</translation>
    </message>
    <message>
        <source>Install the title, or locate the folder where it is.</source>
        <translation>Installiere den Titel oder gib den Ordner an, in dem er liegt.</translation>
    </message>
    <message>
        <source>This title is installed already.</source>
        <translation>Dieser Titel ist schon installiert.</translation>
    </message>
    <message>
        <source>Update the title, or move it to another folder.</source>
        <translation>Aktualisiere den Titel oder verschiebe ihn in einen anderen Ordner.</translation>
    </message>
    <message>
        <source>The previous release is not kept on this computer.</source>
        <translation>Die vorige Version ist auf diesem Computer nicht mehr vorhanden.</translation>
    </message>
    <message>
        <source>Keep this release.</source>
        <translation>Behalte diese Version.</translation>
    </message>
    <message>
        <source>The publisher does not say how to start this title on this system.</source>
        <translation>Der Herausgeber gibt nicht an, wie dieser Titel auf diesem System startet.</translation>
    </message>
    <message>
        <source>Open its folder instead, or ask the publisher.</source>
        <translation>Öffne stattdessen den Ordner oder frage den Herausgeber.</translation>
    </message>
    <message>
        <source>This setting does not accept that value.</source>
        <translation>Diese Einstellung nimmt diesen Wert nicht an.</translation>
    </message>
    <message>
        <source>Choose another value.</source>
        <translation>Wähle einen anderen Wert.</translation>
    </message>
    <message>
        <source>Another program is using the network port.</source>
        <translation>Ein anderes Programm belegt den Netzwerk-Port.</translation>
    </message>
    <message>
        <source>Close that program, or choose another port.</source>
        <translation>Beende dieses Programm oder wähle einen anderen Port.</translation>
    </message>
    <message>
        <source>Shoal is already working on this title.</source>
        <translation>Shoal arbeitet schon an diesem Titel.</translation>
    </message>
    <message>
        <source>Wait until that is done, then try again.</source>
        <translation>Warte, bis das fertig ist, und versuche es dann noch einmal.</translation>
    </message>
    <message>
        <source>Another Shoal is already working on this game.</source>
        <translation>Ein anderes Shoal arbeitet schon an diesem Spiel.</translation>
    </message>
    <message>
        <source>Wait until the other one is done, or close it, then try again.</source>
        <translation>Warte, bis das andere fertig ist, oder beende es, und versuche es dann noch einmal.</translation>
    </message>
    <message>
        <source>The game is running.</source>
        <translation>Das Spiel läuft.</translation>
    </message>
    <message>
        <source>Close the game, then try again.</source>
        <translation>Beende das Spiel und versuche es noch einmal.</translation>
    </message>
    <message>
        <source>Shoal&apos;s engine stopped unexpectedly.</source>
        <translation>Shoals Engine wurde unerwartet beendet.</translation>
    </message>
    <message>
        <source>The engine is being restarted and continues where it stopped.</source>
        <translation>Die Engine wird neu gestartet und macht weiter, wo sie aufhörte.</translation>
    </message>
    <message>
        <source>Shoal&apos;s engine is not responding.</source>
        <translation>Shoals Engine reagiert nicht.</translation>
    </message>
    <message>
        <source>The engine may be busy: wait a moment. If that does not help, end its process; the details name it.</source>
        <translation>Vielleicht ist die Engine beschäftigt: Warte einen Moment. Hilft das nicht, beende ihren Prozess; er steht in den Details.</translation>
    </message>
    <message>
        <source>Shoal&apos;s engine stopped several times while working on this title.</source>
        <translation>Shoals Engine wurde bei der Arbeit an diesem Titel mehrmals unerwartet beendet.</translation>
    </message>
    <message>
        <source>The work is paused. Continue when you like. If it happens again, copy the details for a report.</source>
        <translation>Die Arbeit ist angehalten. Setze sie fort, wann du willst. Passiert es wieder, kopiere die Details für eine Meldung.</translation>
    </message>
    <message>
        <source>A Shoal engine of another version is still running.</source>
        <translation>Eine Shoal-Engine einer anderen Version läuft noch.</translation>
    </message>
    <message>
        <source>That engine ends when its work is done. Shoal keeps trying to connect.</source>
        <translation>Diese Engine endet, wenn ihre Arbeit getan ist. Shoal versucht weiter, sich zu verbinden.</translation>
    </message>
    <message>
        <source>Something unexpected went wrong in Shoal.</source>
        <translation>In Shoal ist ein unerwarteter Fehler aufgetreten.</translation>
    </message>
    <message>
        <source>Try again. If it happens again, copy the details for a report.</source>
        <translation>Versuche es noch einmal. Passiert es wieder, kopiere die Details für eine Meldung.</translation>
    </message>
    <message>
        <source>No server answers at this address and port.</source>
        <translation>Unter dieser Adresse und diesem Port antwortet kein Server.</translation>
    </message>
    <message>
        <source>Check the address. If it is right, try again later.</source>
        <translation>Prüfe die Adresse. Stimmt sie, versuche es später noch einmal.</translation>
    </message>
    <message>
        <source>Another title is in this folder.</source>
        <translation>In diesem Ordner ist ein anderer Titel.</translation>
    </message>
    <message>
        <source>A file of the game is missing.</source>
        <translation>Eine Datei des Spiels fehlt.</translation>
    </message>
    <message>
        <source>This is a publishing error.</source>
        <translation>Dieser Fehler betrifft das Veröffentlichen.</translation>
    </message>
    <message>
        <source>Use the command line; the details say what is wrong.</source>
        <translation>Benutze die Befehlszeile; in den Details steht, was nicht stimmt.</translation>
    </message>
    <message>
        <source>The installed version was not touched and still starts.</source>
        <translation>Die installierte Version ist unverändert und startet weiterhin.</translation>
    </message>
    <message>
        <source>Nothing was changed on this machine.</source>
        <translation>Auf diesem Computer wurde nichts verändert.</translation>
    </message>
    <message>
        <source>The folder was not touched.</source>
        <translation>Der Ordner ist unverändert.</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>Nichts wurde verändert.</translation>
    </message>
    <message>
        <source>Changed files were not overwritten.</source>
        <translation>Veränderte Dateien wurden nicht überschrieben.</translation>
    </message>
    <message>
        <source>Both versions are kept safe.</source>
        <translation>Beide Versionen sind sicher aufbewahrt.</translation>
    </message>
    <message>
        <source>Nothing was started.</source>
        <translation>Nichts wurde gestartet.</translation>
    </message>
    <message>
        <source>Repair brings the file back. Your own files stay.</source>
        <translation>Reparieren bringt die Datei zurück. Deine eigenen Dateien bleiben.</translation>
    </message>
    <message>
        <source>What is running continues.</source>
        <translation>Was läuft, läuft weiter.</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Choose folder…</source>
        <translation>Ordner wählen …</translation>
    </message>
    <message>
        <source>Server only</source>
        <translation>Nur vom Server</translation>
    </message>
    <message>
        <source>Repair</source>
        <translation>Reparieren</translation>
    </message>
    <message>
        <source>Check files</source>
        <translation>Dateien prüfen</translation>
    </message>
    <message>
        <source>Open log</source>
        <translation>Protokoll öffnen</translation>
    </message>
    <message>
        <source>Step back anyway…</source>
        <translation>Trotzdem zurückgehen …</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>Details kopieren</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Open a web page in your browser: this network may want you to log in first. Otherwise check the address and this computer&apos;s clock.</source>
        <translation>Öffne eine Webseite im Browser: Vielleicht verlangt dieses Netzwerk zuerst eine Anmeldung. Prüfe sonst die Adresse und die Uhr dieses Computers.</translation>
    </message>
    <message>
        <source>The server has too much to do and asks you to come back later.</source>
        <translation>Der Server ist überlastet und bittet darum, später wiederzukommen.</translation>
    </message>
    <message>
        <source>A web page came instead of the publisher&apos;s files.</source>
        <translation>Statt der Dateien des Herausgebers kam eine Webseite.</translation>
    </message>
    <message>
        <source>Open a web page in your browser: this network may want you to log in first. Otherwise check the address, or tell the publisher.</source>
        <translation>Öffne eine Webseite im Browser: Vielleicht verlangt dieses Netzwerk zuerst eine Anmeldung. Prüfe sonst die Adresse oder sage dem Herausgeber Bescheid.</translation>
    </message>
    <message>
        <source>The publisher&apos;s server cannot send parts of a file.</source>
        <translation>Der Server des Herausgebers kann keine Teile einer Datei senden.</translation>
    </message>
    <message>
        <source>Tell the publisher. Other players may have the missing data.</source>
        <translation>Sage dem Herausgeber Bescheid. Vielleicht haben andere Spieler die fehlenden Daten.</translation>
    </message>
    <message>
        <source>This is not the full path of a folder.</source>
        <translation>Das ist nicht der vollständige Pfad eines Ordners.</translation>
    </message>
    <message>
        <source>Begin with the drive, or with ~ for your home folder.</source>
        <translation>Beginne mit dem Laufwerk oder mit ~ für deinen eigenen Ordner.</translation>
    </message>
    <message>
        <source>Free some space or choose another folder.</source>
        <translation>Schaffe Platz oder wähle einen anderen Ordner.</translation>
    </message>
    <message>
        <source>Connect its drive, or show where the folder is now.</source>
        <translation>Schließe sein Laufwerk an oder zeige, wo der Ordner jetzt ist.</translation>
    </message>
    <message>
        <source>{size} more are needed on the drive of {folder}.</source>
        <translation>Auf dem Laufwerk von {folder} fehlen {size}.</translation>
    </message>
    <message>
        <source>Locate…</source>
        <translation>Ordner zeigen …</translation>
    </message>
    <message>
        <source>Forget…</source>
        <translation>Vergessen …</translation>
    </message>
    <message>
        <source>Another drive is mounted inside the folder of this title.</source>
        <translation>Im Ordner dieses Titels ist ein anderes Laufwerk eingehängt.</translation>
    </message>
    <message>
        <source>Unmount that drive, then try again: a title lies on one drive.</source>
        <translation>Hänge dieses Laufwerk aus und versuche es noch einmal: Ein Titel liegt auf einem einzigen Laufwerk.</translation>
    </message>
    <message>
        <source>This drive cannot hold files as large, or with such names, as the title has.</source>
        <translation>Dieses Laufwerk kann keine so großen Dateien oder keine solchen Namen speichern, wie der Titel sie hat.</translation>
    </message>
    <message>
        <source>Choose a folder on another drive.</source>
        <translation>Wähle einen Ordner auf einem anderen Laufwerk.</translation>
    </message>
    <message>
        <source>A file of Shoal&apos;s own is damaged.</source>
        <translation>Eine eigene Datei von Shoal ist beschädigt.</translation>
    </message>
    <message>
        <source>Try again in a moment: Shoal keeps the damaged file and makes a new one.</source>
        <translation>Versuche es gleich noch einmal: Shoal bewahrt die beschädigte Datei auf und legt eine neue an.</translation>
    </message>
    <message>
        <source>The list of installed titles, registry.sqlite, was damaged and was made anew.</source>
        <translation>Die Liste der installierten Titel, registry.sqlite, war beschädigt und wurde neu angelegt.</translation>
    </message>
    <message>
        <source>Files are checked again, and paused downloads are forgotten. If a title is missing, locate its folder. A damaged file is kept beside the new one.</source>
        <translation>Dateien werden neu geprüft, und angehaltene Downloads sind vergessen. Fehlt ein Titel, suche seinen Ordner. Eine beschädigte Datei bleibt neben der neuen liegen.</translation>
    </message>
    <message>
        <source>The settings, settings.toml, cannot be read.</source>
        <translation>Die Einstellungen, settings.toml, sind nicht lesbar.</translation>
    </message>
    <message>
        <source>The defaults count. Choose again what you had changed. A damaged file is kept beside the new one.</source>
        <translation>Es gelten die Vorgaben. Wähle erneut, was du geändert hattest. Eine beschädigte Datei bleibt neben der neuen liegen.</translation>
    </message>
    <message>
        <source>The address of a feed is damaged on this computer.</source>
        <translation>Die Adresse eines Feeds ist auf diesem Computer beschädigt.</translation>
    </message>
    <message>
        <source>Add the feed again, and compare its fingerprint with the publisher&apos;s.</source>
        <translation>Füge den Feed erneut hinzu und vergleiche seinen Fingerabdruck mit dem des Herausgebers.</translation>
    </message>
    <message>
        <source>Installed titles still start.</source>
        <translation>Installierte Titel lassen sich weiterhin starten.</translation>
    </message>
    <message>
        <source>The game wants to run as administrator.</source>
        <translation>Das Spiel will als Administrator laufen.</translation>
    </message>
    <message>
        <source>Shoal starts nothing with more rights than yours. Tell the publisher; if you trust the game, start its file from the Explorer.</source>
        <translation>Shoal startet nichts mit mehr Rechten als deinen. Sag es dem Herausgeber; wenn du dem Spiel vertraust, starte seine Datei aus dem Explorer.</translation>
    </message>
    <message>
        <source>Files of this title are in a cloud service, not on this drive.</source>
        <translation>Dateien dieses Titels liegen bei einem Cloud-Dienst, nicht auf diesem Laufwerk.</translation>
    </message>
    <message>
        <source>Choose &quot;Always keep on this device&quot; for the folder in the Explorer. Try again when all is here.</source>
        <translation>Wähle im Explorer „Immer auf diesem Gerät behalten“ für den Ordner. Versuche es wieder, wenn alles hier ist.</translation>
    </message>
    <message>
        <source>There is nothing to preload now.</source>
        <translation>Im Moment gibt es nichts vorab zu laden.</translation>
    </message>
    <message>
        <source>Wait until the publisher offers the next release.</source>
        <translation>Warte, bis der Herausgeber die nächste Version anbietet.</translation>
    </message>
</context>
<context>
    <name>FeedsPage</name>
    <message>
        <source>Feeds</source>
        <translation>Feeds</translation>
    </message>
    <message>
        <source>A feed lists a publisher&apos;s titles. It is signed; the fingerprint identifies the signer.</source>
        <translation>In einem Feed stehen die Titel eines Herausgebers. Er ist signiert; am Fingerabdruck erkennst du, von wem.</translation>
    </message>
    <message>
        <source>Add a feed</source>
        <translation>Feed hinzufügen</translation>
    </message>
    <message>
        <source>Is this the publisher you mean?</source>
        <translation>Ist das der Herausgeber, den du meinst?</translation>
    </message>
    <message>
        <source>Your feeds</source>
        <translation>Deine Feeds</translation>
    </message>
    <message>
        <source>Address of the feed</source>
        <translation>Adresse des Feeds</translation>
    </message>
    <message>
        <source>As the publisher gives it, or a .shoalfeed file</source>
        <translation>Wie der Herausgeber sie angibt, oder eine .shoalfeed-Datei</translation>
    </message>
    <message>
        <source>Look up</source>
        <translation>Nachsehen</translation>
    </message>
    <message>
        <source>Open a file…</source>
        <translation>Datei öffnen …</translation>
    </message>
    <message>
        <source>Nothing is added until you have compared the fingerprint.</source>
        <translation>Nichts wird hinzugefügt, bevor du den Fingerabdruck verglichen hast.</translation>
    </message>
    <message>
        <source>Fingerprint</source>
        <translation>Fingerabdruck</translation>
    </message>
    <message>
        <source>Compare this fingerprint with the one that the publisher shows. Add the feed only if they are identical.</source>
        <translation>Vergleiche diesen Fingerabdruck mit dem, den der Herausgeber angibt. Füge den Feed nur hinzu, wenn beide gleich sind.</translation>
    </message>
    <message>
        <source>Add this feed</source>
        <translation>Diesen Feed hinzufügen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Do not add</source>
        <translation>Nicht hinzufügen</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Remove the selected feed; its titles must be uninstalled first</source>
        <translation>Den ausgewählten Feed entfernen; seine Titel müssen zuvor deinstalliert sein</translation>
    </message>
    <message>
        <source>Reading the feed…</source>
        <translation>Der Feed wird gelesen …</translation>
    </message>
    <message>
        <source>This is neither the address of a feed nor a feed file.</source>
        <translation>Das ist weder die Adresse eines Feeds noch eine Feed-Datei.</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Adresse</translation>
    </message>
    <message>
        <source>Titles</source>
        <translation>Titel</translation>
    </message>
    <message>
        <source>none yet</source>
        <translation>noch keine</translation>
    </message>
    <message>
        <source>Use this address</source>
        <translation>Diese Adresse verwenden</translation>
    </message>
    <message>
        <source>This feed is one of yours already.</source>
        <translation>Diesen Feed hast du schon.</translation>
    </message>
    <message>
        <source>You have this feed from another address. From now on it would be read from this one.</source>
        <translation>Du hast diesen Feed von einer anderen Adresse. Von nun an würde er von dieser gelesen.</translation>
    </message>
    <message>
        <source>Open a feed file</source>
        <translation>Feed-Datei öffnen</translation>
    </message>
    <message>
        <source>Feed files (*.shoalfeed)</source>
        <translation>Feed-Dateien (*.shoalfeed)</translation>
    </message>
    <message>
        <source>Uninstall the titles of this feed first, then it can be removed.</source>
        <translation>Deinstalliere zuerst die Titel dieses Feeds; dann lässt er sich entfernen.</translation>
    </message>
</context>
<context>
    <name>FirstRun</name>
    <message>
        <source>Shoal keeps your games up to date. One question before you start.</source>
        <translation>Shoal hält deine Spiele aktuell. Eine Frage, bevor es losgeht.</translation>
    </message>
    <message>
        <source>Welcome to Shoal</source>
        <translation>Willkommen bei Shoal</translation>
    </message>
    <message>
        <source>Help others download?</source>
        <translation>Anderen beim Laden helfen?</translation>
    </message>
    <message>
        <source>What is shared</source>
        <translation>Was geteilt wird</translation>
    </message>
    <message>
        <source>Parts of the games you install with Shoal. Never other files.</source>
        <translation>Teile der Spiele, die du mit Shoal installierst. Nie andere Dateien.</translation>
    </message>
    <message>
        <source>With whom</source>
        <translation>Mit wem</translation>
    </message>
    <message>
        <source>With players who install or update the same game.</source>
        <translation>Mit Spielern, die dasselbe Spiel installieren oder aktualisieren.</translation>
    </message>
    <message>
        <source>What they see</source>
        <translation>Was sie sehen</translation>
    </message>
    <message>
        <source>Your internet address, as with any download from other players. Nothing else about you.</source>
        <translation>Deine Internetadresse, wie bei jedem Download von anderen Spielern. Sonst nichts über dich.</translation>
    </message>
    <message>
        <source>What changes</source>
        <translation>Was sich ändert</translation>
    </message>
    <message>
        <source>Downloads work either way. You can set limits, or stop at any time.</source>
        <translation>Downloads funktionieren so oder so. Du kannst Limits setzen und jederzeit aufhören.</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>Nicht jetzt</translation>
    </message>
    <message>
        <source>Nothing is shared. You can change this at any time.</source>
        <translation>Nichts wird geteilt. Du kannst das jederzeit ändern.</translation>
    </message>
    <message>
        <source>Yes, help others</source>
        <translation>Ja, anderen helfen</translation>
    </message>
    <message>
        <source>Share with everyone who has the same game.</source>
        <translation>Mit allen teilen, die dasselbe Spiel haben.</translation>
    </message>
    <message>
        <source>You can change this at any time, here in the window or in the settings.</source>
        <translation>Du kannst das jederzeit ändern, hier im Fenster oder in den Einstellungen.</translation>
    </message>
</context>
<context>
    <name>InstallSheet</name>
    <message>
        <source>Parts of {title}</source>
        <translation>Teile von {title}</translation>
    </message>
    <message>
        <source>Install {title}</source>
        <translation>{title} installieren</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>Download</translation>
    </message>
    <message>
        <source>Space needed</source>
        <translation>Platzbedarf</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Where the title is installed</source>
        <translation>Wo der Titel installiert wird</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Wählen …</translation>
    </message>
    <message>
        <source>Optional parts</source>
        <translation>Optionale Teile</translation>
    </message>
    <message>
        <source>Locate installed…</source>
        <translation>Schon installiert …</translation>
    </message>
    <message>
        <source>Use a folder where this title is installed already</source>
        <translation>Einen Ordner verwenden, in dem dieser Titel schon installiert ist</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Ändern</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installieren</translation>
    </message>
    <message>
        <source>Free on this drive</source>
        <translation>Frei auf diesem Laufwerk</translation>
    </message>
    <message>
        <source>Where to install</source>
        <translation>Installieren nach</translation>
    </message>
    <message>
        <source>Where is it installed?</source>
        <translation>Wo ist der Titel installiert?</translation>
    </message>
</context>
<context>
    <name>Library</name>
    <message>
        <source>Feeds</source>
        <translation>Feeds</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Help others download</source>
        <translation>Beim Laden helfen</translation>
    </message>
    <message>
        <source>Other players get parts of your installed titles from this computer. They see its internet address.</source>
        <translation>Andere Spieler bekommen Teile deiner installierten Titel von diesem Computer. Sie sehen seine Internetadresse.</translation>
    </message>
    <message>
        <source>Restart</source>
        <translation>Neu starten</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>Bibliothek</translation>
    </message>
    <message>
        <source>Your titles; the arrow keys select one</source>
        <translation>Deine Titel; mit den Pfeiltasten wählst du einen aus</translation>
    </message>
    <message>
        <source>{name} {version} is ready.</source>
        <translation>{name} {version} ist bereit.</translation>
    </message>
    <message>
        <source>{name} {version} did not start here, so the version before it runs.</source>
        <translation>{name} {version} ist hier nicht gestartet; es läuft die Version davor.</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Add a feed</source>
        <translation>Feed hinzufügen</translation>
    </message>
    <message>
        <source>The engine is running again. Its work continues.</source>
        <translation>Die Engine läuft wieder und arbeitet weiter.</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Spielen</translation>
    </message>
    <message>
        <source>The feed was added.</source>
        <translation>Der Feed wurde hinzugefügt.</translation>
    </message>
    <message>
        <source>Starting Shoal</source>
        <translation>Shoal startet</translation>
    </message>
    <message>
        <source>Starting the engine; this takes a moment.</source>
        <translation>Die Engine startet; das dauert einen Moment.</translation>
    </message>
    <message>
        <source>The publisher&apos;s titles are read; this takes a moment.</source>
        <translation>Die Titel des Herausgebers werden gelesen; das dauert einen Moment.</translation>
    </message>
    <message>
        <source>The publisher&apos;s titles could not be read. Shoal tries again later.</source>
        <translation>Die Titel des Herausgebers konnten nicht gelesen werden. Shoal versucht es später noch einmal.</translation>
    </message>
    <message>
        <source>Add a publisher&apos;s feed to see its titles here.</source>
        <translation>Füge den Feed eines Herausgebers hinzu, um seine Titel hier zu sehen.</translation>
    </message>
    <message>
        <source>Your library is empty</source>
        <translation>Deine Bibliothek ist leer</translation>
    </message>
    <message>
        <source>The download continues.</source>
        <translation>Der Download läuft weiter.</translation>
    </message>
    <message>
        <source>Shoal cannot start</source>
        <translation>Shoal kann nicht starten</translation>
    </message>
</context>
<context>
    <name>Phase</name>
    <message>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Checking signatures</source>
        <translation>Prüfe Signaturen</translation>
    </message>
    <message>
        <source>Scanning files</source>
        <translation>Durchsuche Dateien</translation>
    </message>
    <message>
        <source>Planning</source>
        <translation>Plane</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>Lade herunter</translation>
    </message>
    <message>
        <source>Assembling files</source>
        <translation>Setze Dateien zusammen</translation>
    </message>
    <message>
        <source>Checking</source>
        <translation>Prüfe</translation>
    </message>
    <message>
        <source>Putting files in place</source>
        <translation>Setze Dateien ein</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
</context>
<context>
    <name>Plurals</name>
    <message numerus="yes">
        <source>%n minute(s) left</source>
        <translation>
            <numerusform>noch %n Minute</numerusform>
            <numerusform>noch %n Minuten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) left</source>
        <translation>
            <numerusform>noch %n Stunde</numerusform>
            <numerusform>noch %n Stunden</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The server is busy. The download goes on in %n second(s).</source>
        <translation>
            <numerusform>Der Server ist ausgelastet. Weiter geht es in %n Sekunde.</numerusform>
            <numerusform>Der Server ist ausgelastet. Weiter geht es in %n Sekunden.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) differ from the release. Repair restores them.</source>
        <translation>
            <numerusform>%n Datei weicht von der Version ab. Reparieren stellt sie wieder her.</numerusform>
            <numerusform>%n Dateien weichen von der Version ab. Reparieren stellt sie wieder her.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n title(s)</source>
        <translation>
            <numerusform>%n Titel</numerusform>
            <numerusform>%n Titel</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Result</name>
    <message>
        <source>All files are intact.</source>
        <translation>Alle Dateien sind in Ordnung.</translation>
    </message>
    <message>
        <source>Uninstalled. Your own files were left alone.</source>
        <translation>Deinstalliert. Deine eigenen Dateien sind unverändert.</translation>
    </message>
    <message>
        <source>No longer installed.</source>
        <translation>Nicht mehr installiert.</translation>
    </message>
    <message>
        <source>Preloaded: {sizes}</source>
        <translation>Vorab geladen: {sizes}</translation>
    </message>
    <message>
        <source>Cancelled. What was downloaded was removed.</source>
        <translation>Abgebrochen. Was heruntergeladen war, wurde entfernt.</translation>
    </message>
    <message>
        <source>Installed {version}</source>
        <translation>{version} installiert</translation>
    </message>
    <message>
        <source>Updated to {version}</source>
        <translation>Auf {version} aktualisiert</translation>
    </message>
    <message>
        <source>Stepped back to {version}</source>
        <translation>Zu {version} zurückgegangen</translation>
    </message>
    <message>
        <source>Repaired {version}</source>
        <translation>{version} repariert</translation>
    </message>
    <message>
        <source>Moved {version}</source>
        <translation>{version} verschoben</translation>
    </message>
    <message>
        <source>Done: {version}</source>
        <translation>Fertig: {version}</translation>
    </message>
    <message>
        <source>{took} downloaded, {planned} planned</source>
        <translation>{took} heruntergeladen, {planned} geplant</translation>
    </message>
    <message>
        <source>{size} from players</source>
        <translation>{size} von Spielern</translation>
    </message>
    <message>
        <source>{size} from the local network</source>
        <translation>{size} aus dem lokalen Netz</translation>
    </message>
    <message>
        <source>{size} from the server</source>
        <translation>{size} vom Server</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Sharing</source>
        <translation>Teilen</translation>
    </message>
    <message>
        <source>Downloads</source>
        <translation>Downloads</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <source>Off: nothing is shared</source>
        <translation>Aus: nichts wird geteilt</translation>
    </message>
    <message>
        <source>Local network: players on your network</source>
        <translation>Lokales Netz: Spieler in deinem Netz</translation>
    </message>
    <message>
        <source>Everyone: players who have the same game</source>
        <translation>Alle: Spieler mit demselben Spiel</translation>
    </message>
    <message>
        <source>Help others download</source>
        <translation>Anderen beim Laden helfen</translation>
    </message>
    <message>
        <source>Upload limit</source>
        <translation>Upload-Limit</translation>
    </message>
    <message>
        <source>Monthly upload limit</source>
        <translation>Upload-Limit im Monat</translation>
    </message>
    <message>
        <source> GB</source>
        <translation> GB</translation>
    </message>
    <message>
        <source>Players who download from you see your internet address. Only files of installed titles are shared.</source>
        <translation>Spieler, die von dir herunterladen, sehen deine Internetadresse. Nur Dateien installierter Titel werden geteilt.</translation>
    </message>
    <message>
        <source>Players and the server</source>
        <translation>Spieler und Server</translation>
    </message>
    <message>
        <source>Local network and the server</source>
        <translation>Lokales Netz und Server</translation>
    </message>
    <message>
        <source>Only the publisher&apos;s server</source>
        <translation>Nur der Server des Herausgebers</translation>
    </message>
    <message>
        <source>Download from</source>
        <translation>Quellen für Downloads</translation>
    </message>
    <message>
        <source>Download limit</source>
        <translation>Download-Limit</translation>
    </message>
    <message>
        <source>In Shoal&apos;s own folder</source>
        <translation>In Shoals eigenem Ordner</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Wählen …</translation>
    </message>
    <message>
        <source>Install new titles in</source>
        <translation>Neue Titel installieren in</translation>
    </message>
    <message>
        <source>Same as the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Darstellung</translation>
    </message>
    <message>
        <source>Start when you sign in</source>
        <translation>Bei der Anmeldung starten</translation>
    </message>
    <message>
        <source>Keep an icon in the tray when the window is closed</source>
        <translation>Beim Schließen des Fensters ein Symbol in der Leiste behalten</translation>
    </message>
    <message>
        <source>Takes effect immediately</source>
        <translation>Gilt sofort</translation>
    </message>
    <message>
        <source>No limit</source>
        <translation>Kein Limit</translation>
    </message>
    <message>
        <source>Where to install new titles</source>
        <translation>Neue Titel installieren nach</translation>
    </message>
    <message>
        <source> kB/s</source>
        <translation> kB/s</translation>
    </message>
    <message>
        <source>Upload limit while playing</source>
        <translation>Upload-Limit beim Spielen</translation>
    </message>
    <message>
        <source>Share on battery, too</source>
        <translation>Auch im Akkubetrieb teilen</translation>
    </message>
    <message>
        <source>Share on metered connections, too</source>
        <translation>Auch über getaktete Verbindungen teilen</translation>
    </message>
    <message>
        <source>Share through a VPN, too</source>
        <translation>Auch über ein VPN teilen</translation>
    </message>
    <message>
        <source>None of this limits the local network</source>
        <translation>Nichts davon begrenzt das lokale Netzwerk</translation>
    </message>
    <message>
        <source>Download limit while playing</source>
        <translation>Download-Limit beim Spielen</translation>
    </message>
    <message>
        <source>Times, such as 18:00-23:30</source>
        <translation>Uhrzeiten, etwa 18:00-23:30</translation>
    </message>
    <message>
        <source>Limits while playing also at</source>
        <translation>Limits beim Spielen auch um</translation>
    </message>
</context>
<context>
    <name>Sharing</name>
    <message>
        <source>the monthly upload limit is reached</source>
        <translation>das monatliche Upload-Limit ist erreicht</translation>
    </message>
    <message>
        <source>on battery</source>
        <translation>der Akku ist in Gebrauch</translation>
    </message>
    <message>
        <source>the connection is metered</source>
        <translation>die Verbindung ist getaktet</translation>
    </message>
    <message>
        <source>the internet is reached through a VPN</source>
        <translation>ins Internet geht es über ein VPN</translation>
    </message>
    <message>
        <source>Not sharing: {}.</source>
        <translation>Es wird nichts geteilt: {}.</translation>
    </message>
    <message>
        <source>Sharing in the local network only: {}.</source>
        <translation>Nur im lokalen Netzwerk wird geteilt: {}.</translation>
    </message>
    <message>
        <source>Asking the router to let other players in…</source>
        <translation>Der Router wird gebeten, andere Spieler einzulassen …</translation>
    </message>
    <message>
        <source>Other players can reach you: one has connected.</source>
        <translation>Andere Spieler können dich erreichen: Einer hat sich verbunden.</translation>
    </message>
    <message>
        <source>Other players can reach you: the router forwards port {port}.</source>
        <translation>Andere Spieler können dich erreichen: Der Router leitet Port {port} weiter.</translation>
    </message>
    <message>
        <source>Other players can reach you, unless a firewall forbids it.</source>
        <translation>Andere Spieler können dich erreichen, sofern keine Firewall es verbietet.</translation>
    </message>
    <message>
        <source>Other players cannot reach you: your router ({address}) is itself behind another one.</source>
        <translation>Andere Spieler können dich nicht erreichen: Dein Router ({address}) steht selbst hinter einem anderen.</translation>
    </message>
    <message>
        <source>Other players cannot reach you: the router does not forward port {port}.</source>
        <translation>Andere Spieler können dich nicht erreichen: Der Router leitet Port {port} nicht weiter.</translation>
    </message>
    <message>
        <source>Other players cannot reach you directly: no router forwards a port. Switch UPnP on in your router, or forward port {port} there.</source>
        <translation>Andere Spieler können dich nicht direkt erreichen: Kein Router leitet einen Port weiter. Schalte UPnP in deinem Router ein, oder leite dort Port {port} weiter.</translation>
    </message>
</context>
<context>
    <name>Status</name>
    <message>
        <source>Needs your attention</source>
        <translation>Problem aufgetreten</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Needs repair</source>
        <translation>Reparatur nötig</translation>
    </message>
    <message>
        <source>Playing</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>Not installed</source>
        <translation>Nicht installiert</translation>
    </message>
    <message>
        <source>Update available</source>
        <translation>Update verfügbar</translation>
    </message>
    <message>
        <source>Ready to play</source>
        <translation>Spielbereit</translation>
    </message>
    <message>
        <source>Folder missing</source>
        <translation>Ordner fehlt</translation>
    </message>
</context>
<context>
    <name>Text</name>
    <message>
        <source>{size}/s</source>
        <translation>{size}/s</translation>
    </message>
    <message>
        <source>{number}%</source>
        <translation>{number} %</translation>
    </message>
    <message>
        <source>less than a minute left</source>
        <translation>noch unter einer Minute</translation>
    </message>
    <message>
        <source>more than two days left</source>
        <translation>noch über zwei Tage</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} von {total}</translation>
    </message>
    <message>
        <source>Version {version}</source>
        <translation>Version {version}</translation>
    </message>
    <message>
        <source>The next release can be downloaded now, ahead of its launch.</source>
        <translation>Die nächste Version kann schon jetzt heruntergeladen werden, bevor sie erscheint.</translation>
    </message>
    <message>
        <source>The next release is here, sealed until its launch.</source>
        <translation>Die nächste Version ist hier, versiegelt, bis sie erscheint.</translation>
    </message>
    <message>
        <source>Another program uses port {taken}, so port {port} is used instead.</source>
        <translation>Ein anderes Programm belegt Port {taken}; stattdessen wird Port {port} genutzt.</translation>
    </message>
    <message>
        <source>This computer has no address {host}: nothing is shared, and no other player is found.</source>
        <translation>Dieser Computer hat keine Adresse {host}: Nichts wird geteilt, und kein anderer Spieler wird gefunden.</translation>
    </message>
</context>
<context>
    <name>TitleActions</name>
    <message>
        <source>The details are on the clipboard.</source>
        <translation>Die Details sind in der Zwischenablage.</translation>
    </message>
    <message>
        <source>Uninstall {title}?</source>
        <translation>{title} deinstallieren?</translation>
    </message>
    <message>
        <source>Its files will be removed from {folder}. Saves, mods and your other files stay.</source>
        <translation>Die Dateien werden aus {folder} entfernt. Spielstände, Mods und deine anderen Dateien bleiben.</translation>
    </message>
    <message>
        <source>Uninstall</source>
        <translation>Deinstallieren</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>Behalten</translation>
    </message>
    <message>
        <source>Step back to {version}?</source>
        <translation>Zu {version} zurückgehen?</translation>
    </message>
    <message>
        <source>The publisher no longer allows this release. It may have security holes.</source>
        <translation>Der Herausgeber lässt diese Version nicht mehr zu. Sie kann Sicherheitslücken haben.</translation>
    </message>
    <message>
        <source>Step back</source>
        <translation>Zurückgehen</translation>
    </message>
    <message>
        <source>Keep this release</source>
        <translation>Diese Version behalten</translation>
    </message>
    <message>
        <source>Remove the feed {name}?</source>
        <translation>Den Feed {name} entfernen?</translation>
    </message>
    <message>
        <source>Its titles leave the library. To get them back, add the feed by its address again.</source>
        <translation>Seine Titel verschwinden aus der Bibliothek. Um sie zurückzuholen, füge den Feed mit seiner Adresse wieder hinzu.</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Move to</source>
        <translation>Verschieben nach</translation>
    </message>
    <message>
        <source>Where is it now?</source>
        <translation>Wo ist es jetzt?</translation>
    </message>
    <message>
        <source>Help others download?</source>
        <translation>Anderen beim Laden helfen?</translation>
    </message>
    <message>
        <source>Players who install or update the same game get parts of it from this computer, and see its internet address. Never other files. In the settings you can share with your local network only.</source>
        <translation>Wer dasselbe Spiel installiert oder aktualisiert, bekommt Teile davon von diesem Computer und sieht seine Internetadresse. Niemals andere Dateien. In den Einstellungen kannst du auch nur mit deinem lokalen Netz teilen.</translation>
    </message>
    <message>
        <source>Share with everyone</source>
        <translation>Mit allen teilen</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>Nicht jetzt</translation>
    </message>
    <message>
        <source>Forget {title}?</source>
        <translation>{title} vergessen?</translation>
    </message>
    <message>
        <source>Shoal will no longer know that it is installed in {folder}. No file is removed.</source>
        <translation>Shoal weiß dann nicht mehr, dass der Titel in {folder} installiert ist. Keine Datei wird entfernt.</translation>
    </message>
    <message>
        <source>Forget</source>
        <translation>Vergessen</translation>
    </message>
    <message>
        <source>Version {version} stays installed. What was downloaded is kept for the next time.</source>
        <translation>Version {version} bleibt installiert. Was heruntergeladen wurde, bleibt für das nächste Mal erhalten.</translation>
    </message>
    <message>
        <source>What was downloaded is removed from {folder}. Your own files there stay.</source>
        <translation>Was heruntergeladen wurde, wird aus {folder} entfernt. Deine eigenen Dateien dort bleiben.</translation>
    </message>
    <message>
        <source>Cancel the download of {title}?</source>
        <translation>Den Download von {title} abbrechen?</translation>
    </message>
    <message>
        <source>Cancel the download</source>
        <translation>Download abbrechen</translation>
    </message>
    <message>
        <source>Keep it paused</source>
        <translation>Angehalten lassen</translation>
    </message>
</context>
<context>
    <name>TitlePage</name>
    <message>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Spielen</translation>
    </message>
    <message>
        <source>Preload</source>
        <translation>Vorab laden</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <source>More actions for this title</source>
        <translation>Weitere Aktionen für diesen Titel</translation>
    </message>
    <message>
        <source>What’s new</source>
        <translation>Neuigkeiten</translation>
    </message>
    <message>
        <source>Website</source>
        <translation>Website</translation>
    </message>
    <message>
        <source>Support</source>
        <translation>Support</translation>
    </message>
    <message>
        <source>About</source>
        <translation>Info</translation>
    </message>
    <message>
        <source>The publisher wrote no notes for this release.</source>
        <translation>Der Herausgeber hat zu dieser Version nichts geschrieben.</translation>
    </message>
    <message>
        <source>Transfer</source>
        <translation>Übertragung</translation>
    </message>
    <message>
        <source>This update</source>
        <translation>Dieses Update</translation>
    </message>
    <message>
        <source>This download</source>
        <translation>Dieser Download</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Stoppen</translation>
    </message>
    <message numerus="yes">
        <source>%n player(s)</source>
        <translation>
            <numerusform>%n Spieler</numerusform>
            <numerusform>%n Spieler</numerusform>
        </translation>
    </message>
    <message>
        <source>You can close this window: the download continues.</source>
        <translation>Du kannst dieses Fenster schließen: Der Download läuft weiter.</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>Download</translation>
    </message>
    <message>
        <source>Write to disk</source>
        <translation>Zu schreiben</translation>
    </message>
    <message>
        <source>Space needed</source>
        <translation>Platzbedarf</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>Dateien</translation>
    </message>
    <message>
        <source>Free on this drive</source>
        <translation>Frei auf diesem Laufwerk</translation>
    </message>
    <message>
        <source>{changed} changed, {added} new, {removed} removed</source>
        <translation>{changed} geändert, {added} neu, {removed} entfernt</translation>
    </message>
    <message>
        <source>Version</source>
        <translation>Version</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Parts</source>
        <translation>Teile</translation>
    </message>
    <message>
        <source>Uploaded to others</source>
        <translation>An andere hochgeladen</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>Lizenz</translation>
    </message>
    <message>
        <source>Feed</source>
        <translation>Feed</translation>
    </message>
    <message>
        <source>Check files</source>
        <translation>Dateien prüfen</translation>
    </message>
    <message>
        <source>Repair</source>
        <translation>Reparieren</translation>
    </message>
    <message>
        <source>Languages and parts…</source>
        <translation>Sprachen und Teile …</translation>
    </message>
    <message>
        <source>Step back to the previous release</source>
        <translation>Zurück zur vorigen Version</translation>
    </message>
    <message>
        <source>Move to another folder…</source>
        <translation>In einen anderen Ordner verschieben …</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Uninstall…</source>
        <translation>Deinstallieren …</translation>
    </message>
    <message>
        <source>Forget…</source>
        <translation>Vergessen …</translation>
    </message>
    <message>
        <source>Cancel…</source>
        <translation>Abbrechen…</translation>
    </message>
    <message>
        <source>Give up what is paused; asks first</source>
        <translation>Was angehalten ist, aufgeben; fragt vorher nach</translation>
    </message>
</context>
<context>
    <name>TransferPanel</name>
    <message>
        <source>Download sources over time</source>
        <translation>Quellen des Downloads im Verlauf</translation>
    </message>
    <message>
        <source>Pieces of the download</source>
        <translation>Stücke des Downloads</translation>
    </message>
    <message>
        <source>From players {amount}</source>
        <translation>Von Spielern {amount}</translation>
    </message>
    <message>
        <source>From server {amount}</source>
        <translation>Vom Server {amount}</translation>
    </message>
    <message>
        <source>Local network {amount}</source>
        <translation>Lokales Netz {amount}</translation>
    </message>
    <message>
        <source>To players {amount}</source>
        <translation>An Spieler {amount}</translation>
    </message>
    <message>
        <source>Pieces by source</source>
        <translation>Stücke nach Quelle</translation>
    </message>
</context>
<context>
    <name>TrayIcon</name>
    <message>
        <source>Open Shoal</source>
        <translation>Shoal öffnen</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
</context>
<context>
    <name>Verb</name>
    <message>
        <source>Installing</source>
        <translation>Installiere</translation>
    </message>
    <message>
        <source>Preloading</source>
        <translation>Lade vorab</translation>
    </message>
    <message>
        <source>Updating</source>
        <translation>Aktualisiere</translation>
    </message>
    <message>
        <source>Stepping back</source>
        <translation>Gehe zurück</translation>
    </message>
    <message>
        <source>Changing parts</source>
        <translation>Ändere Teile</translation>
    </message>
    <message>
        <source>Repairing</source>
        <translation>Repariere</translation>
    </message>
    <message>
        <source>Checking files</source>
        <translation>Prüfe Dateien</translation>
    </message>
    <message>
        <source>Moving</source>
        <translation>Verschiebe</translation>
    </message>
    <message>
        <source>Uninstalling</source>
        <translation>Deinstalliere</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Starte</translation>
    </message>
    <message>
        <source>Working</source>
        <translation>Arbeite</translation>
    </message>
</context>
</TS>
