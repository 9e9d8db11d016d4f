"""Writes the e-mail messages of ``email/``: ``python tests/documents/make_email.py``."""

from __future__ import annotations

import base64
import quopri
import random
from pathlib import Path

HERE = Path(__file__).parent / "email"


def message(headers: str, body: str | bytes) -> bytes:
    return (
        headers.strip().encode("utf-8")
        + b"\n\n"
        + (body if isinstance(body, bytes) else body.encode("utf-8"))
    )


PLAIN = """
From: Tove Aldersund <tove@marlowferry.example>
To: crew@marlowferry.example, "Bellweather, Ines" <ines@marlowferry.example>
Cc: Jonas Pike <jonas@marlowferry.example>
Subject: Night watch in week 14
Date: Mon, 30 Mar 2026 18:05:00 +0200
Message-ID: <watch-14@marlowferry.example>
In-Reply-To: <watch-13@marlowferry.example>
References: <watch-1@marlowferry.example> <watch-13@marlowferry.example>
"""
MIXED = """
From: Jonas Pike <jonas@marlowferry.example>
To: Tove Aldersund <tove@marlowferry.example>
Subject: Invoice for the winch
Date: Tue, 7 Apr 2026 09:12:00 +0000
Message-ID: <winch@marlowferry.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer
"""


def main() -> None:
    HERE.mkdir(exist_ok=True)
    plain = message(
        PLAIN,
        "The night watch begins at 21:40 this week.\n# and this is no heading\n\nInes wrote on 29 March:\n"
        "> Who takes the key?\n>> The mate.\nJonas takes it.\n-- \nTove, harbour office\n",
    )
    (HERE / "plain.eml").write_bytes(plain)
    html = (
        "<html><head><style>p {color: red}</style><title>x</title></head><body><p>The new crane lifts "
        "<b>18 tonnes</b>.</p><ul><li>Test it on Friday.</li></ul><blockquote>What does it lift?</blockquote>"
        "<script>alert(1)</script></body></html>"
    )
    headers = "From: ines@marlowferry.example\nSubject: Crane\nDate: Wed, 8 Apr 2026 07:00:00 +0000\nContent-Type: text/html; charset=utf-8\n"
    (HERE / "html_only.eml").write_bytes(message(headers, html))
    sheet = base64.b64encode(b"%PDF-1.4 none").decode()
    (HERE / "attachment.eml").write_bytes(
        message(
            MIXED,
            "--outer\nContent-Type: multipart/alternative; boundary=inner\n\n"
            "--inner\nContent-Type: text/plain; charset=utf-8\n\nThe winch cost 4,310 crowns; the invoice is attached.\n"
            "--inner\nContent-Type: text/html; charset=utf-8\n\n<p>The winch cost <b>4,310 crowns</b>; see the invoice.</p>\n--inner--\n"
            "--outer\nContent-Type: application/pdf\nContent-Disposition: attachment;\n"
            " filename*=utf-8''Rechnung%20f%C3%BCr%20die%20Winde.pdf\nContent-Transfer-Encoding: base64\n\n"
            f'{sheet}\n--outer\nContent-Type: text/csv\nContent-Disposition: attachment; filename="=?utf-8?q?Preise_f=C3=BCr_April.csv?="\n\na;b\n--outer--\n',
        )
    )
    text = "Grüße aus dem Hafen: die Fähre nach Möwenört fährt ab Ostern schon um 5:55 Uhr, für 12 Kronen.\n"
    (HERE / "latin1.eml").write_bytes(
        message(
            "From: =?iso-8859-1?q?J=F6rg_=D6=DFling?= <joerg@marlowferry.example>\n"
            "Subject: =?utf-8?b?RsOkaHJwbGFuIG5hY2g=?= =?utf-8?q?_M=C3=B6wen=C3=B6rt?=\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n",
            quopri.encodestring(text.encode("iso-8859-1")),
        )
    )
    forwarded = message(
        "From: Odd Renning <odd@shipyard.example>\nTo: ines@marlowferry.example\nSubject: Dry dock in May\n"
        "Date: Thu, 2 Apr 2026 10:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n",
        "The dry dock is ours from 11 to 19 May.\n",
    )
    (HERE / "forwarded.eml").write_bytes(
        message(
            MIXED.replace("Invoice for the winch", "Fwd: Dry dock in May").replace("<winch@", "<dock@"),
            b"--outer\nContent-Type: text/plain\n\nSee below, please.\n--outer\nContent-Type: message/rfc822\n\n"
            + forwarded
            + b"--outer--\n",
        )
    )
    broken = (
        b'From: "Harbour office <office@marlowferry.example\nSubject: =?utf-9?q?Spare_keys?= \xe4 =?utf-8?b?!!!?=\n'
        b'Date: yesterday evening\nMessage-ID: no brackets\nContent-Type: text/plain; charset="x-unknown"\n\n'
        + "Die Ersatzschlüssel hängen hinter der Tür von Lager 16.\n".encode("cp1252")
    )
    (HERE / "broken_headers.eml").write_bytes(broken)
    (HERE / "archive.mbox").write_bytes(
        b"From tove@marlowferry.example Mon Mar  2 08:00:00 2026\n"
        + message(
            "From: tove@marlowferry.example\nSubject: Keys\n",
            "The spare key of the kiosk hangs at hook 27.\n",
        )
        + b"\nFrom - Tue Mar  3 09:30:00 2026\n"
        + message(
            "From: ines@marlowferry.example\nSubject: Rope\n",
            "Two notes.\n\nFrom the rope store we took 75 metres.\nNote: the blue one.\n\n>From here on it is quoted.\n",
        )
        + b"\nFrom 1790@xxx Wed Mar 04 11:00:00 +0000 2026\n"
        + message(
            "From: jonas@marlowferry.example\nSubject: Paint\nMessage-ID: <paint@x>\n",
            "The hull takes 62 litres of paint.\n\n",
        )
    )
    encrypted = MIXED.replace("multipart/mixed", 'multipart/encrypted; protocol="application/pgp-encrypted"')
    body = "--outer\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--outer\n\n-----BEGIN PGP MESSAGE-----\n--outer--\n"
    (HERE / "encrypted.eml").write_bytes(message(encrypted, body))
    inline = "From: a@b.example\nSubject: Secret\n"
    (HERE / "inline_pgp.eml").write_bytes(
        message(inline, "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n")
    )
    smime = "From: a@b.example\nSubject: Secret\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
    (HERE / "smime.eml").write_bytes(message(smime, "MIAGCSqG\n"))
    (HERE / "no_text.eml").write_bytes(
        message("From: a@b.example\nSubject: Photo\nContent-Type: image/png; name=deck.png\n", "iVBO\n")
    )
    (HERE / "garbage.eml").write_bytes(random.Random(7).randbytes(2000))
    (HERE / "no_message.eml").write_bytes(b"Shopping: bread, butter\nand a rope\n")
    (HERE / "no_mbox.mbox").write_bytes(b"Dear all,\n\nthis is no archive.\n")


if __name__ == "__main__":
    main()
