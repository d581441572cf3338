"""What operators watch of the mails: what waits, what became of them, how long they took, who is connected."""

from prometheus_client import Counter, Gauge, Histogram

OUTCOMES = Counter("kundenportal_mails", "Ends of attempts as they were written down", ["outcome"])
WAITING = Gauge("kundenportal_mails_waiting", "Mails to be tried by themselves, counted up to 10,000", ["state"])
OLDEST_DUE = Gauge("kundenportal_mails_oldest_due_seconds", "How long the oldest due mail has been due")
IN_HAND = Gauge("kundenportal_mails_in_hand", "Mails that this process holds a lease on")
MAIL_SECONDS = Histogram(
    "kundenportal_mail_seconds",
    "Seconds from a mail's first queueing until the mail server accepted it",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
STEP_SECONDS = Histogram(
    "kundenportal_smtp_step_seconds",
    "Seconds that one SMTP step took, whatever its end",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180),
)
SMTP_CONNECTIONS = Gauge("kundenportal_smtp_connections", "Connections to the mail server, resting ones included")
SMTP_AWAY = Gauge("kundenportal_smtp_away", "1 while the mail server cannot be reached or takes no mail from us")
