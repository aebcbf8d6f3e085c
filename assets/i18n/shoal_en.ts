<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>Plurals</name>
    <message numerus="yes">
        <source>%n minute(s) left</source>
        <translation>
            <numerusform>%n minute left</numerusform>
            <numerusform>%n minutes left</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) left</source>
        <translation>
            <numerusform>%n hour left</numerusform>
            <numerusform>%n hours left</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The server is busy. The download goes on in %n second(s).</source>
        <translation>
            <numerusform>The server is busy. The download goes on in %n second.</numerusform>
            <numerusform>The server is busy. The download goes on in %n seconds.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) differ from the release. Repair restores them.</source>
        <translation>
            <numerusform>%n file differs from the release. Repair restores it.</numerusform>
            <numerusform>%n files differ from the release. Repair restores them.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n title(s)</source>
        <translation>
            <numerusform>%n title</numerusform>
            <numerusform>%n titles</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>TitlePage</name>
    <message numerus="yes">
        <source>%n player(s)</source>
        <translation>
            <numerusform>%n player</numerusform>
            <numerusform>%n players</numerusform>
        </translation>
    </message>
</context>
</TS>
