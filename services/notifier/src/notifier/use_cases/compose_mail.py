"""Makes a delivery's mail: opens its secret, reads its file, and falls back to a notice where the mail grows too large."""

from dataclasses import dataclass

from notifier.domain import Form, encoded_size
from notifier.ports import Attachments, DueMail, MailWriter, Message, Secrets, SecretUnreadable


@dataclass(frozen=True, slots=True)
class Composed:
    message: Message
    form: Form


@dataclass(frozen=True, slots=True)
class ComposeMail:
    writer: MailWriter
    attachments: Attachments
    secrets: Secrets
    most_bytes: int

    async def __call__(self, mail: DueMail) -> Composed:
        """Raises AttachmentUnavailable (later it may work), SecretUnreadable or MailUnsafe (it never will)."""
        if mail.credential is not None:
            if mail.credential.secret is None:
                raise SecretUnreadable("it was dropped")
            secret = self.secrets.open(mail.credential.secret)
            return Composed(self.writer.write(mail, secret=secret), mail.form)
        if mail.document is None or mail.form is Form.NOTICE:
            return Composed(self.writer.write(mail), Form.NOTICE)
        if encoded_size(mail.document.size) <= self.most_bytes:
            message = self.writer.write(mail, file=await self.attachments.fetch(mail.document))
            if message.size <= self.most_bytes:
                return Composed(message, Form.ATTACHMENT)
        return Composed(self.writer.write(mail, too_large=True), Form.NOTICE)
