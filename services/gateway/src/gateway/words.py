"""What the portal calls things: the words of the interfaces in the visitor's language."""

from gateway.translations import mark as _

OTHER_TYPE = "other"
DOCUMENT_TYPES = {
    "invoice": _("Rechnung"),
    "credit_note": _("Gutschrift"),
    "cancellation": _("Stornorechnung"),
    "reminder": _("Mahnung"),
    "delivery_note": _("Lieferschein"),
    "statement": _("Kontoauszug"),
    "contract": _("Vertrag"),
    OTHER_TYPE: _("Sonstige"),
}
SALUTATIONS = {"none": _("keine"), "mrs": _("Frau"), "mr": _("Herr"), "diverse": _("Divers")}
ROLES = {"administrator": _("Administrator"), "member": _("Mitglied")}
NOTIFICATIONS = {"none": _("keine"), "attachment": _("mit Anhang"), "notice": _("nur Benachrichtigung")}
DELIVERY_FORMS = {"attachment": _("mit Anhang"), "notice": _("Benachrichtigung")}
DELIVERY_STATES = {
    "queued": _("wartet auf Versand"),
    "sending": _("wird gesendet"),
    "sent": _("gesendet"),
    "delayed": _("verzögert"),
    "bounced": _("unzustellbar"),
    "failed": _("fehlgeschlagen"),
    "unknown": _("ungewiss"),
    "suppressed": _("nicht gesendet"),
}
GROUPINGS = {"": _("Keine"), "type": _("Typ"), "month": _("Monat"), "year": _("Jahr")}
MEDIA_TYPES = {"application/pdf": "PDF", "application/xml": "XML"}
PASSWORD_REFUSALS = {
    "current_password_missing": _("Bitte geben Sie Ihr aktuelles Passwort ein."),
    "current_password_wrong": _("Das aktuelle Passwort ist nicht richtig."),
    "password_too_short": _("Das neue Passwort ist zu kurz: mindestens 10 Zeichen."),
    "password_too_long": _("Das neue Passwort ist zu lang: höchstens 128 Zeichen."),
    "password_has_control_characters": _("Das neue Passwort enthält Zeichen, die sich nicht eintippen lassen."),
    "password_is_username": _("Das neue Passwort darf nicht Ihr Benutzername sein."),
    "password_too_common": _("Dieses Passwort ist zu bekannt und leicht zu erraten. Bitte wählen Sie ein anderes."),
    "password_is_initial": _("Das Initialpasswort kann nicht das neue Passwort sein."),
    "password_unchanged": _("Das neue Passwort muss sich vom bisherigen unterscheiden."),
}
