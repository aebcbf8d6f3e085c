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
        <translation>{size} zu laden</translation>
    </message>
    <message>
        <source>Starting the engine</source>
        <translation>Die Engine startet</translation>
    </message>
    <message>
        <source>Goes on where it stopped</source>
        <translation>Geht weiter, wo es aufhörte</translation>
    </message>
    <message>
        <source>Another download is first</source>
        <translation>Ein anderer Download ist zuerst dran</translation>
    </message>
    <message>
        <source>Files were changed</source>
        <translation>Dateien wurden verändert</translation>
    </message>
    <message>
        <source>The game is running</source>
        <translation>Das Spiel läuft</translation>
    </message>
    <message>
        <source>Choose a folder and parts, then download</source>
        <translation>Ordner und Teile wählen, dann laden</translation>
    </message>
    <message>
        <source>Download the new release; the old one stays until the new one is complete</source>
        <translation>Die neue Version laden; die alte bleibt, bis die neue vollständig ist</translation>
    </message>
    <message>
        <source>Pause; what was downloaded is kept</source>
        <translation>Anhalten; was geladen wurde, bleibt</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Stoppen</translation>
    </message>
    <message>
        <source>Go on with what was begun</source>
        <translation>Mit dem Begonnenen fortfahren</translation>
    </message>
    <message>
        <source>Look at the free space again, then go on</source>
        <translation>Den freien Platz noch einmal prüfen, dann fortfahren</translation>
    </message>
    <message>
        <source>Put back the files as they were released</source>
        <translation>Die Dateien wieder herstellen, wie sie veröffentlicht wurden</translation>
    </message>
    <message>
        <source>Start the game</source>
        <translation>Das Spiel starten</translation>
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
        <translation>Prüfe die Adresse beim Herausgeber.</translation>
    </message>
    <message>
        <source>This feed has another fingerprint than the expected one.</source>
        <translation>Dieser Feed hat einen anderen Fingerabdruck als erwartet.</translation>
    </message>
    <message>
        <source>Do not add it. Compare with the fingerprint that the publisher shows.</source>
        <translation>Füge ihn nicht hinzu. Vergleiche mit dem Fingerabdruck, den der Herausgeber zeigt.</translation>
    </message>
    <message>
        <source>The publisher&apos;s signature does not fit what the server sent.</source>
        <translation>Die Unterschrift des Herausgebers passt nicht zu dem, was der Server geschickt hat.</translation>
    </message>
    <message>
        <source>Try again later. If it stays, ask the publisher: the feed may be damaged.</source>
        <translation>Versuche es später noch einmal. Bleibt es so, frage den Herausgeber: der Feed kann beschädigt sein.</translation>
    </message>
    <message>
        <source>The publisher&apos;s signature has expired.</source>
        <translation>Die Unterschrift des Herausgebers ist abgelaufen.</translation>
    </message>
    <message>
        <source>The publisher has to renew it. Playing still works; try again later.</source>
        <translation>Der Herausgeber muss sie erneuern. Spielen geht weiterhin; versuche es später noch einmal.</translation>
    </message>
    <message>
        <source>The server offers something older than what was seen before.</source>
        <translation>Der Server bietet Älteres an, als schon zu sehen war.</translation>
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
        <source>Set date and time, then try again.</source>
        <translation>Stelle Datum und Uhrzeit, dann versuche es noch einmal.</translation>
    </message>
    <message>
        <source>This feed needs a newer Shoal.</source>
        <translation>Dieser Feed braucht ein neueres Shoal.</translation>
    </message>
    <message>
        <source>Update Shoal. Playing, checking and uninstalling still work.</source>
        <translation>Aktualisiere Shoal. Spielen, Prüfen und Deinstallieren gehen weiterhin.</translation>
    </message>
    <message>
        <source>A signed record of this feed is not valid.</source>
        <translation>Ein unterschriebener Eintrag dieses Feeds ist ungültig.</translation>
    </message>
    <message>
        <source>Tell the publisher.</source>
        <translation>Sage es dem Herausgeber.</translation>
    </message>
    <message>
        <source>The publisher does not offer this release.</source>
        <translation>Der Herausgeber bietet diese Version nicht an.</translation>
    </message>
    <message>
        <source>Something other than Shoal changed what this folder says is installed.</source>
        <translation>Etwas anderes als Shoal hat geändert, was dieser Ordner als installiert angibt.</translation>
    </message>
    <message>
        <source>Repair puts back what the publisher signed. Your own files stay.</source>
        <translation>Reparieren stellt wieder her, was der Herausgeber unterschrieben hat. Deine eigenen Dateien bleiben.</translation>
    </message>
    <message>
        <source>The publisher does not allow this release any more.</source>
        <translation>Der Herausgeber lässt diese Version nicht mehr zu.</translation>
    </message>
    <message>
        <source>Take a newer one.</source>
        <translation>Nimm eine neuere.</translation>
    </message>
    <message>
        <source>The publisher does not allow the release before this one any more.</source>
        <translation>Der Herausgeber lässt die vorige Version nicht mehr zu.</translation>
    </message>
    <message>
        <source>Stay with this release, unless you know why you need the other.</source>
        <translation>Bleibe bei dieser Version, wenn du nicht weißt, wozu du die andere brauchst.</translation>
    </message>
    <message>
        <source>You seem to be offline: the server cannot be reached.</source>
        <translation>Du scheinst offline zu sein: der Server ist nicht erreichbar.</translation>
    </message>
    <message>
        <source>Playing works without a network. What was downloaded is kept.</source>
        <translation>Spielen geht ohne Netz. Was geladen wurde, bleibt.</translation>
    </message>
    <message>
        <source>The server could not prove who it is.</source>
        <translation>Der Server konnte nicht beweisen, wer er ist.</translation>
    </message>
    <message>
        <source>Check the address and this computer&apos;s clock.</source>
        <translation>Prüfe die Adresse und die Uhr dieses Computers.</translation>
    </message>
    <message>
        <source>The server refused the download.</source>
        <translation>Der Server hat den Download abgelehnt.</translation>
    </message>
    <message>
        <source>Try again later. If it stays, tell the publisher.</source>
        <translation>Versuche es später noch einmal. Bleibt es so, sage es dem Herausgeber.</translation>
    </message>
    <message>
        <source>The server does not have a file that the release needs.</source>
        <translation>Dem Server fehlt eine Datei, die diese Version braucht.</translation>
    </message>
    <message>
        <source>Try again later, or with other players allowed in the settings.</source>
        <translation>Versuche es später noch einmal oder erlaube andere Spieler in den Einstellungen.</translation>
    </message>
    <message>
        <source>The download was too slow to go on.</source>
        <translation>Der Download war zu langsam, um weiterzugehen.</translation>
    </message>
    <message>
        <source>Try again later. What was downloaded is kept.</source>
        <translation>Versuche es später noch einmal. Was geladen wurde, bleibt.</translation>
    </message>
    <message>
        <source>The server sent us to a place that the feed does not list.</source>
        <translation>Der Server hat an einen Ort verwiesen, den der Feed nicht nennt.</translation>
    </message>
    <message>
        <source>The server answered in a way nobody expects.</source>
        <translation>Der Server hat unerwartet geantwortet.</translation>
    </message>
    <message>
        <source>Neither the server nor any player has the missing bytes now.</source>
        <translation>Weder der Server noch ein Spieler hat gerade die fehlenden Daten.</translation>
    </message>
    <message>
        <source>A document of the publisher is damaged.</source>
        <translation>Ein Dokument des Herausgebers ist beschädigt.</translation>
    </message>
    <message>
        <source>Try again. If it stays, tell the publisher.</source>
        <translation>Versuche es noch einmal. Bleibt es so, sage es dem Herausgeber.</translation>
    </message>
    <message>
        <source>Bytes arrived that are not what was signed. They were thrown away.</source>
        <translation>Es kamen Daten an, die nicht die unterschriebenen sind. Sie wurden verworfen.</translation>
    </message>
    <message>
        <source>Try again, or from the server only.</source>
        <translation>Versuche es noch einmal oder nur vom Server.</translation>
    </message>
    <message>
        <source>A piece of the patch is damaged.</source>
        <translation>Ein Stück des Patches ist beschädigt.</translation>
    </message>
    <message>
        <source>Try again: it is replaced by a full download.</source>
        <translation>Versuche es noch einmal: es wird durch einen vollen Download ersetzt.</translation>
    </message>
    <message>
        <source>The program that starts this title is none of the publisher&apos;s files.</source>
        <translation>Das Programm, das diesen Titel startet, ist keine Datei des Herausgebers.</translation>
    </message>
    <message>
        <source>Repair the title. If it stays, tell the publisher.</source>
        <translation>Repariere den Titel. Wenn das bleibt, sag es dem Herausgeber.</translation>
    </message>
    <message>
        <source>There is not enough space on this drive.</source>
        <translation>Auf diesem Laufwerk ist nicht genug Platz.</translation>
    </message>
    <message>
        <source>Free some space or choose another folder. What was downloaded is kept.</source>
        <translation>Schaffe Platz oder wähle einen anderen Ordner. Was geladen wurde, bleibt.</translation>
    </message>
    <message>
        <source>This folder cannot be written.</source>
        <translation>In diesen Ordner kann nicht geschrieben werden.</translation>
    </message>
    <message>
        <source>Make it writable or choose another one.</source>
        <translation>Mache ihn beschreibbar oder wähle einen anderen.</translation>
    </message>
    <message>
        <source>You may not write into this folder.</source>
        <translation>Du darfst in diesen Ordner nicht schreiben.</translation>
    </message>
    <message>
        <source>Check who owns it, or choose another one.</source>
        <translation>Prüfe, wem er gehört, oder wähle einen anderen.</translation>
    </message>
    <message>
        <source>Another program uses the files.</source>
        <translation>Ein anderes Programm benutzt die Dateien.</translation>
    </message>
    <message>
        <source>Close it, then try again.</source>
        <translation>Beende es, dann versuche es noch einmal.</translation>
    </message>
    <message>
        <source>A file that is not the publisher&apos;s is where a new one must go.</source>
        <translation>Wo eine neue Datei hin muss, liegt eine, die nicht vom Herausgeber ist.</translation>
    </message>
    <message>
        <source>Move it away, then try again.</source>
        <translation>Räume sie weg, dann versuche es noch einmal.</translation>
    </message>
    <message>
        <source>The drive does not work as it should.</source>
        <translation>Das Laufwerk arbeitet nicht, wie es soll.</translation>
    </message>
    <message>
        <source>Check it; try again when it answers.</source>
        <translation>Prüfe es; versuche es noch einmal, wenn es antwortet.</translation>
    </message>
    <message>
        <source>There is something else in this folder.</source>
        <translation>In diesem Ordner liegt etwas anderes.</translation>
    </message>
    <message>
        <source>Choose an empty folder, or locate a game that is installed there.</source>
        <translation>Wähle einen leeren Ordner oder gib an, dass das Spiel dort installiert ist.</translation>
    </message>
    <message>
        <source>The folder of this title is not there.</source>
        <translation>Der Ordner dieses Titels ist nicht da.</translation>
    </message>
    <message>
        <source>Connect the drive, or choose the folder again.</source>
        <translation>Schließe das Laufwerk an oder wähle den Ordner neu.</translation>
    </message>
    <message>
        <source>Somebody changed files of this title.</source>
        <translation>Jemand hat Dateien dieses Titels verändert.</translation>
    </message>
    <message>
        <source>Repair puts the released files back.</source>
        <translation>Reparieren stellt die veröffentlichten Dateien wieder her.</translation>
    </message>
    <message>
        <source>An update was interrupted while it was put in place.</source>
        <translation>Eine Aktualisierung wurde beim Einsetzen unterbrochen.</translation>
    </message>
    <message>
        <source>Try again: it goes on where it stopped.</source>
        <translation>Versuche es noch einmal: es geht weiter, wo es aufhörte.</translation>
    </message>
    <message>
        <source>Somebody else put notes of an update into the game&apos;s folder.</source>
        <translation>Jemand anderes hat Notizen eines Updates in den Ordner des Spiels gelegt.</translation>
    </message>
    <message>
        <source>Repair removes them and compares every file.</source>
        <translation>Reparieren entfernt sie und vergleicht jede Datei.</translation>
    </message>
    <message>
        <source>Shoal&apos;s own files cannot be read or written.</source>
        <translation>Shoals eigene Dateien sind nicht les- oder schreibbar.</translation>
    </message>
    <message>
        <source>Repair the named file, or start Shoal with another home folder.</source>
        <translation>Repariere die genannte Datei oder starte Shoal mit einem anderen Ordner.</translation>
    </message>
    <message>
        <source>Shoal&apos;s own folder belongs to somebody else, or others may write into it.</source>
        <translation>Shoals eigener Ordner gehört jemand anderem, oder andere dürfen hineinschreiben.</translation>
    </message>
    <message>
        <source>Start Shoal as the folder&apos;s owner, or with another home folder.</source>
        <translation>Starte Shoal als Besitzer des Ordners oder mit einem anderen.</translation>
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
        <source>No feed has this title any more.</source>
        <translation>Kein Feed hat diesen Titel mehr.</translation>
    </message>
    <message>
        <source>Add the feed that has it.</source>
        <translation>Füge den Feed hinzu, der ihn hat.</translation>
    </message>
    <message>
        <source>This feed is not among yours any more.</source>
        <translation>Dieser Feed gehört nicht mehr zu deinen.</translation>
    </message>
    <message>
        <source>Add it again.</source>
        <translation>Füge ihn wieder hinzu.</translation>
    </message>
    <message>
        <source>This title is not installed.</source>
        <translation>Dieser Titel ist nicht installiert.</translation>
    </message>
    <message>
        <source>Install it, or locate the folder where it is.</source>
        <translation>Installiere ihn oder gib den Ordner an, in dem er ist.</translation>
    </message>
    <message>
        <source>This title is installed already.</source>
        <translation>Dieser Titel ist schon installiert.</translation>
    </message>
    <message>
        <source>Update it, or move it to another folder.</source>
        <translation>Aktualisiere ihn oder verschiebe ihn in einen anderen Ordner.</translation>
    </message>
    <message>
        <source>No earlier release is kept here.</source>
        <translation>Hier ist keine frühere Version aufbewahrt.</translation>
    </message>
    <message>
        <source>Stay with this release.</source>
        <translation>Bleibe bei dieser Version.</translation>
    </message>
    <message>
        <source>The publisher says no way to start this title on this system.</source>
        <translation>Der Herausgeber nennt keinen Weg, diesen Titel auf diesem System zu starten.</translation>
    </message>
    <message>
        <source>Open its folder instead, or ask the publisher.</source>
        <translation>Öffne stattdessen den Ordner oder frage den Herausgeber.</translation>
    </message>
    <message>
        <source>This setting does not take that value.</source>
        <translation>Diese Einstellung nimmt diesen Wert nicht an.</translation>
    </message>
    <message>
        <source>Choose another value.</source>
        <translation>Wähle einen anderen Wert.</translation>
    </message>
    <message>
        <source>The network port is taken by another program.</source>
        <translation>Ein anderes Programm belegt den Netzwerk-Port.</translation>
    </message>
    <message>
        <source>End that program, or choose another port.</source>
        <translation>Beende jenes Programm oder wähle einen anderen Port.</translation>
    </message>
    <message>
        <source>Something else is being done with this title.</source>
        <translation>Mit diesem Titel geschieht gerade etwas anderes.</translation>
    </message>
    <message>
        <source>Wait until it is done, then try again.</source>
        <translation>Warte, bis es fertig ist, dann versuche es noch einmal.</translation>
    </message>
    <message>
        <source>Another Shoal is changing this game.</source>
        <translation>Ein anderes Shoal ändert dieses Spiel gerade.</translation>
    </message>
    <message>
        <source>Wait until it is done, or close it, then try again.</source>
        <translation>Warte, bis es fertig ist, oder schließe es, und versuche es dann noch einmal.</translation>
    </message>
    <message>
        <source>The game is running.</source>
        <translation>Das Spiel läuft.</translation>
    </message>
    <message>
        <source>Close the game, then try again.</source>
        <translation>Beende das Spiel, dann versuche es noch einmal.</translation>
    </message>
    <message>
        <source>Shoal&apos;s engine stopped unexpectedly.</source>
        <translation>Shoals Engine hat unerwartet aufgehört.</translation>
    </message>
    <message>
        <source>It is being started again and goes on where it was.</source>
        <translation>Sie wird neu gestartet und macht weiter, wo sie war.</translation>
    </message>
    <message>
        <source>Shoal&apos;s engine does not answer.</source>
        <translation>Shoals Engine antwortet nicht.</translation>
    </message>
    <message>
        <source>It may be busy: wait a little. If it stays, end its process; the details name it.</source>
        <translation>Vielleicht ist sie beschäftigt: warte ein wenig. Bleibt es so, beende ihren Prozess; er steht in den Einzelheiten.</translation>
    </message>
    <message>
        <source>Shoal&apos;s engine stopped again and again while it worked on this title.</source>
        <translation>Shoals Engine hat bei der Arbeit an diesem Titel mehrmals unerwartet aufgehört.</translation>
    </message>
    <message>
        <source>It waits now. Go on when you like. If it stops again, copy the details.</source>
        <translation>Die Arbeit wartet jetzt. Mach weiter, wann du willst. Hört die Engine wieder auf, kopiere die Einzelheiten.</translation>
    </message>
    <message>
        <source>An engine of another version is still at work.</source>
        <translation>Eine Engine anderer Version ist noch bei der Arbeit.</translation>
    </message>
    <message>
        <source>It makes room when it is done. Shoal keeps trying.</source>
        <translation>Sie macht Platz, wenn sie fertig ist. Shoal versucht es weiter.</translation>
    </message>
    <message>
        <source>Something unexpected went wrong in Shoal.</source>
        <translation>In Shoal ging etwas Unerwartetes schief.</translation>
    </message>
    <message>
        <source>Try again. If it stays, copy the details for a report.</source>
        <translation>Versuche es noch einmal. Bleibt es so, kopiere die Einzelheiten für eine Meldung.</translation>
    </message>
    <message>
        <source>This is a matter of publishing.</source>
        <translation>Das ist eine Sache des Veröffentlichens.</translation>
    </message>
    <message>
        <source>Use the command line; the details say what is wrong.</source>
        <translation>Benutze die Befehlszeile; die Einzelheiten sagen, was nicht stimmt.</translation>
    </message>
    <message>
        <source>The installed version was not touched and still starts.</source>
        <translation>Die installierte Version blieb unberührt und startet weiterhin.</translation>
    </message>
    <message>
        <source>Nothing was changed on this machine.</source>
        <translation>Auf diesem Computer wurde nichts verändert.</translation>
    </message>
    <message>
        <source>The folder was not touched.</source>
        <translation>Der Ordner blieb unberührt.</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>Es wurde nichts verändert.</translation>
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
        <source>What is running goes on.</source>
        <translation>Was läuft, geht weiter.</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>Noch einmal</translation>
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
        <source>Step back anyway…</source>
        <translation>Trotzdem zurückgehen …</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>Einzelheiten kopieren</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>FeedsPage</name>
    <message>
        <source>Feeds</source>
        <translation>Feeds</translation>
    </message>
    <message>
        <source>A feed is where a publisher offers titles. It is signed; the fingerprint names the signer.</source>
        <translation>In einem Feed bietet ein Herausgeber Titel an. Er ist unterschrieben; der Fingerabdruck nennt, von wem.</translation>
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
        <source>Look</source>
        <translation>Ansehen</translation>
    </message>
    <message>
        <source>Open a file…</source>
        <translation>Datei öffnen …</translation>
    </message>
    <message>
        <source>Nothing is trusted before you have seen the fingerprint.</source>
        <translation>Nichts gilt als vertraut, bevor du den Fingerabdruck gesehen hast.</translation>
    </message>
    <message>
        <source>Fingerprint</source>
        <translation>Fingerabdruck</translation>
    </message>
    <message>
        <source>Compare with the fingerprint that the publisher shows. Add the feed when all of it is the same.</source>
        <translation>Vergleiche mit dem Fingerabdruck, den der Herausgeber zeigt. Füge den Feed hinzu, wenn alles gleich ist.</translation>
    </message>
    <message>
        <source>Add this feed</source>
        <translation>Diesen Feed hinzufügen</translation>
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
        <source>Forget the chosen feed; its titles must be uninstalled first</source>
        <translation>Den gewählten Feed vergessen; seine Titel müssen zuvor deinstalliert sein</translation>
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
        <source>Open a feed file</source>
        <translation>Feed-Datei öffnen</translation>
    </message>
    <message>
        <source>Feed files (*.shoalfeed)</source>
        <translation>Feed-Dateien (*.shoalfeed)</translation>
    </message>
    <message>
        <source>Uninstall the titles of this feed first, then it can be removed.</source>
        <translation>Deinstalliere zuerst die Titel dieses Feeds, dann kann er entfernt werden.</translation>
    </message>
</context>
<context>
    <name>FirstRun</name>
    <message>
        <source>Shoal keeps your games up to date. It asks one thing before it starts.</source>
        <translation>Shoal hält deine Spiele aktuell. Zuvor hat es eine Frage.</translation>
    </message>
    <message>
        <source>Welcome to Shoal</source>
        <translation>Willkommen bei Shoal</translation>
    </message>
    <message>
        <source>Help others download?</source>
        <translation>Andern beim Laden helfen?</translation>
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
        <translation>Deine Internetadresse, wie bei jedem Download von anderen Spielern. Sonst nichts von dir.</translation>
    </message>
    <message>
        <source>What changes</source>
        <translation>Was sich ändert</translation>
    </message>
    <message>
        <source>Downloads work either way. You can set limits, or stop at any time.</source>
        <translation>Laden geht so und so. Du kannst Grenzen setzen oder jederzeit aufhören.</translation>
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
        <translation>Ja, andern helfen</translation>
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
        <translation>Wählbare Teile</translation>
    </message>
    <message>
        <source>Locate installed…</source>
        <translation>Schon installiert …</translation>
    </message>
    <message>
        <source>Use a folder where this title is installed already</source>
        <translation>Einen Ordner benutzen, in dem dieser Titel schon installiert ist</translation>
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
        <translation>Frei auf dem Laufwerk</translation>
    </message>
    <message>
        <source>Where to install</source>
        <translation>Wohin installieren</translation>
    </message>
    <message>
        <source>Where is it installed?</source>
        <translation>Wo ist er installiert?</translation>
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
        <source>Library</source>
        <translation>Bibliothek</translation>
    </message>
    <message>
        <source>Your titles; arrow keys choose one</source>
        <translation>Deine Titel; Pfeiltasten wählen einen aus</translation>
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
        <translation>Prüfe Unterschriften</translation>
    </message>
    <message>
        <source>Looking at what is here</source>
        <translation>Sehe nach, was da ist</translation>
    </message>
    <message>
        <source>Planning</source>
        <translation>Plane</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>Lade</translation>
    </message>
    <message>
        <source>Putting together</source>
        <translation>Setze zusammen</translation>
    </message>
    <message>
        <source>Checking</source>
        <translation>Prüfe</translation>
    </message>
    <message>
        <source>Putting in place</source>
        <translation>Setze ein</translation>
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
        <source>%n file(s) are not as released. Repair puts them back.</source>
        <translation>
            <numerusform>%n Datei ist nicht wie veröffentlicht. Reparieren stellt sie wieder her.</numerusform>
            <numerusform>%n Dateien sind nicht wie veröffentlicht. Reparieren stellt sie wieder her.</numerusform>
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
        <source>Every file is as it was released.</source>
        <translation>Jede Datei ist, wie sie veröffentlicht wurde.</translation>
    </message>
    <message>
        <source>Uninstalled. Your own files were left alone.</source>
        <translation>Deinstalliert. Deine eigenen Dateien blieben unberührt.</translation>
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
        <translation>Zurück auf {version}</translation>
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
        <source>planned {planned}, took {took}</source>
        <translation>geplant {planned}, gebraucht {took}</translation>
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
        <source>Local network: players in the same house</source>
        <translation>Lokales Netz: Spieler im selben Haus</translation>
    </message>
    <message>
        <source>Everyone: players who have the same game</source>
        <translation>Alle: Spieler mit demselben Spiel</translation>
    </message>
    <message>
        <source>Help others download</source>
        <translation>Andern beim Laden helfen</translation>
    </message>
    <message>
        <source>Upload at most</source>
        <translation>Hochladen höchstens</translation>
    </message>
    <message>
        <source> MB/s</source>
        <translation> MB/s</translation>
    </message>
    <message>
        <source>Upload a month at most</source>
        <translation>Hochladen im Monat höchstens</translation>
    </message>
    <message>
        <source> GB</source>
        <translation> GB</translation>
    </message>
    <message>
        <source>Whoever downloads from you sees your internet address. Only files of installed titles are shared.</source>
        <translation>Wer von dir lädt, sieht deine Internetadresse. Nur Dateien installierter Titel werden geteilt.</translation>
    </message>
    <message>
        <source>Players and the server</source>
        <translation>Spielern und dem Server</translation>
    </message>
    <message>
        <source>Local network and the server</source>
        <translation>Lokalem Netz und dem Server</translation>
    </message>
    <message>
        <source>Only the publisher&apos;s server</source>
        <translation>Nur vom Server des Herausgebers</translation>
    </message>
    <message>
        <source>Download from</source>
        <translation>Laden von</translation>
    </message>
    <message>
        <source>Download at most</source>
        <translation>Laden höchstens</translation>
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
        <source>As the system says</source>
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
        <source>Look</source>
        <translation>Aussehen</translation>
    </message>
    <message>
        <source>Start with the system</source>
        <translation>Mit dem System starten</translation>
    </message>
    <message>
        <source>Keep an icon in the tray when the window is closed</source>
        <translation>Beim Schließen ein Symbol in der Leiste behalten</translation>
    </message>
    <message>
        <source>Changes at once</source>
        <translation>Ändert sich sofort</translation>
    </message>
    <message>
        <source>No limit</source>
        <translation>Keine Grenze</translation>
    </message>
    <message>
        <source>Where to install new titles</source>
        <translation>Wohin neue Titel installieren</translation>
    </message>
</context>
<context>
    <name>Status</name>
    <message>
        <source>Needs your attention</source>
        <translation>Braucht dich</translation>
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
</context>
<context>
    <name>TitleActions</name>
    <message>
        <source>The details are on the clipboard.</source>
        <translation>Die Einzelheiten sind in der Zwischenablage.</translation>
    </message>
    <message>
        <source>Uninstall {title}?</source>
        <translation>{title} deinstallieren?</translation>
    </message>
    <message>
        <source>Its files are removed from {folder}. Saves, mods and other files of yours stay.</source>
        <translation>Die Dateien werden aus {folder} entfernt. Spielstände, Mods und andere eigene Dateien bleiben.</translation>
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
        <translation>Zurück zu {version}?</translation>
    </message>
    <message>
        <source>The publisher does not allow this release any more. It may have faults that others can use.</source>
        <translation>Der Herausgeber lässt diese Version nicht mehr zu. Sie kann Fehler haben, die andere ausnutzen.</translation>
    </message>
    <message>
        <source>Step back</source>
        <translation>Zurückgehen</translation>
    </message>
    <message>
        <source>Stay</source>
        <translation>Hierbleiben</translation>
    </message>
    <message>
        <source>Move to</source>
        <translation>Verschieben nach</translation>
    </message>
    <message>
        <source>Where is it now?</source>
        <translation>Wo ist es jetzt?</translation>
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
        <source>Options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <source>More that can be done with this title</source>
        <translation>Was mit diesem Titel noch geht</translation>
    </message>
    <message>
        <source>What’s new</source>
        <translation>Was ist neu</translation>
    </message>
    <message>
        <source>Website</source>
        <translation>Webseite</translation>
    </message>
    <message>
        <source>Support</source>
        <translation>Hilfe</translation>
    </message>
    <message>
        <source>About</source>
        <translation>Über</translation>
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
        <source>You can close this window: the download goes on.</source>
        <translation>Du kannst das Fenster schließen: der Download geht weiter.</translation>
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
        <translation>Frei auf dem Laufwerk</translation>
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
        <source>Given to others</source>
        <translation>An andere gegeben</translation>
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
        <translation>In anderen Ordner verschieben …</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Uninstall…</source>
        <translation>Deinstallieren …</translation>
    </message>
</context>
<context>
    <name>TransferPanel</name>
    <message>
        <source>Where bytes come from, over time</source>
        <translation>Woher die Daten kommen, im Verlauf</translation>
    </message>
    <message>
        <source>Pieces of the download</source>
        <translation>Stücke des Downloads</translation>
    </message>
    <message>
        <source>From players {rate}</source>
        <translation>Von Spielern {rate}</translation>
    </message>
    <message>
        <source>From server {rate}</source>
        <translation>Vom Server {rate}</translation>
    </message>
    <message>
        <source>Local network {rate}</source>
        <translation>Lokales Netz {rate}</translation>
    </message>
    <message>
        <source>To players {rate}</source>
        <translation>An Spieler {rate}</translation>
    </message>
    <message>
        <source>From players {size}</source>
        <translation>Von Spielern {size}</translation>
    </message>
    <message>
        <source>From server {size}</source>
        <translation>Vom Server {size}</translation>
    </message>
    <message>
        <source>Local network {size}</source>
        <translation>Lokales Netz {size}</translation>
    </message>
    <message>
        <source>To players {size}</source>
        <translation>An Spieler {size}</translation>
    </message>
    <message>
        <source>Pieces, by where they came from</source>
        <translation>Stücke nach ihrer Herkunft</translation>
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
<context>
    <name>Window</name>
    <message>
        <source>Add a feed</source>
        <translation>Feed hinzufügen</translation>
    </message>
    <message>
        <source>The engine is back. What was running goes on.</source>
        <translation>Die Engine ist wieder da. Was lief, geht weiter.</translation>
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
        <source>The engine starts; this takes a moment.</source>
        <translation>Die Engine startet; das dauert einen Augenblick.</translation>
    </message>
    <message>
        <source>Add the feed of a publisher, and its titles are here.</source>
        <translation>Füge den Feed eines Herausgebers hinzu, dann sind seine Titel hier.</translation>
    </message>
    <message>
        <source>Your library is empty</source>
        <translation>Deine Bibliothek ist leer</translation>
    </message>
    <message>
        <source>The download goes on.</source>
        <translation>Der Download geht weiter.</translation>
    </message>
</context>
</TS>
