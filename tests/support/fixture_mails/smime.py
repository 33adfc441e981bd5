"""Signed and encrypted mails."""

from __future__ import annotations

from tests.support.cms_encoder import encrypted, signed, signed_in_pieces
from tests.support.fixture_mails.fixture import Fixture, Taken
from tests.support.mail_builder import attached, entity, mail, media, multipart, text

PHOTO = media("small/airplane.jpg")
AIRPLANE = Taken(file_name="airplane.jpg", content=PHOTO)
SIGNED = multipart("mixed", text("Signed."), attached("airplane.jpg", PHOTO))
PGP = b"-----BEGIN PGP SIGNATURE-----\r\n\r\niHUEABYKAB0WIQ\r\n-----END PGP SIGNATURE-----\r\n"


def _clear(protocol: str, signature: bytes) -> bytes:
    return mail(
        "Airplane",
        multipart("signed", SIGNED, signature, more=f'; protocol="{protocol}"; micalg=sha-256'),
    )


def _opaque(content: bytes, smime_type: str, media_type: str = "application/pkcs7-mime") -> bytes:
    return mail(
        "Airplane",
        entity(
            f'{media_type}; smime-type={smime_type}; name="smime.p7m"',
            content,
            ("Content-Disposition", 'attachment; filename="smime.p7m"'),
        ),
    )


MAILS = (
    Fixture(
        name="smime/clear_signed",
        raw=_clear(
            "application/pkcs7-signature",
            attached("smime.p7s", signed(None), "application/pkcs7-signature"),
        ),
        media=(AIRPLANE,),
        left_out=(("smime.p7s", "cryptographic_signature"),),
    ),
    Fixture(
        name="smime/pgp_signed",
        raw=_clear(
            "application/pgp-signature",
            entity(
                'application/pgp-signature; name="signature.asc"',
                PGP,
                ("Content-Disposition", 'attachment; filename="signature.asc"'),
                encoding="7bit",
            ),
        ),
        media=(AIRPLANE,),
        left_out=(("signature.asc", "cryptographic_signature"),),
    ),
    Fixture(
        name="smime/opaque_signed",
        raw=_opaque(signed(SIGNED), "signed-data"),
        media=(AIRPLANE,),
    ),
    Fixture(
        name="smime/opaque_signed_in_pieces_of_indefinite_length",
        raw=_opaque(signed_in_pieces(SIGNED, 1000), "signed-data", "application/x-pkcs7-mime"),
        media=(AIRPLANE,),
    ),
    Fixture(
        name="smime/encrypted",
        raw=_opaque(encrypted(), "enveloped-data"),
        left_out=(("smime.p7m", "encrypted"),),
    ),
    Fixture(
        name="smime/pgp_encrypted",
        raw=mail(
            "Secret",
            multipart(
                "encrypted",
                entity("application/pgp-encrypted", b"Version: 1\r\n", encoding="7bit"),
                entity(
                    'application/octet-stream; name="encrypted.asc"',
                    b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----\r\n",
                    ("Content-Disposition", 'inline; filename="encrypted.asc"'),
                    encoding="7bit",
                ),
                more='; protocol="application/pgp-encrypted"',
            ),
        ),
        left_out=(("", "encrypted"), ("encrypted.asc", "encrypted")),
    ),
)
