"""The statements of the sender's hot path: arrays in, one round trip each, all times by the database's clock."""

from notifier.adapters.postgres_published_documents import COLUMNS

# The channel and the words of the wake-up; it reaches the sender with the commit and not before.
CHANNEL = "deliveries"

QUEUE = """
WITH queued AS (
    INSERT INTO delivery (id, customer_number, purpose, subject_id, address, address_key, domain, form, salutation,
                          first_name, last_name, language, user_ids, document_id, document_version, username, secret,
                          expires_at, state, reason, trace, due_at)
    SELECT id, customer_number, purpose, subject_id, address, address_key, domain, form, salutation,
           first_name, last_name, language, string_to_array(user_ids, ',')::uuid[], document_id, document_version,
           username, secret, expires_at, state, reason, trace, CASE WHEN state = 'queued' THEN now() END
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::uuid[], $15::int[], $16::text[],
                $17::text[], $18::timestamptz[], $19::text[], $20::text[], $21::text[])
         AS new (id, customer_number, purpose, subject_id, address, address_key, domain, form, salutation, first_name,
                 last_name, language, user_ids, document_id, document_version, username, secret, expires_at, state,
                 reason, trace)
    ON CONFLICT DO NOTHING
)
SELECT pg_notify('deliveries', '')
"""

REVIVE = """
WITH revived AS (
    UPDATE delivery SET state = 'queued', reason = NULL, due_at = now(), updated_at = now()
    WHERE purpose = 'document_published' AND subject_id = ANY($1::text[])
      AND state = 'suppressed' AND reason = 'document_removed'
)
SELECT pg_notify('deliveries', '')
"""

CANCEL_FOR_DOCUMENT = """
UPDATE delivery SET state = 'suppressed', reason = $3, due_at = NULL, updated_at = now()
WHERE document_id = $1 AND ($2::int IS NULL OR document_version = $2) AND state IN ('queued', 'delayed')
"""

# What is unknown stays so; it only is not sent again by itself.
CANCEL_FOR_USERS = """
UPDATE delivery SET
    state = CASE WHEN state = 'unknown' THEN state ELSE 'suppressed' END,
    reason = CASE WHEN state = 'unknown' THEN reason ELSE $2 END,
    due_at = NULL, secret = NULL, updated_at = now()
WHERE customer_number = ANY($4::text[]) AND due_at IS NOT NULL
  AND user_ids <@ $1::uuid[] AND state IN ('queued', 'delayed', 'unknown')
  AND ($3::text IS NULL OR purpose = $3)
"""

CLAIM = f"""
WITH due AS (
    SELECT id, document_id, document_version, due_at FROM delivery
    WHERE due_at >= $4 AND due_at <= now() AND state IN ('queued', 'delayed', 'unknown') AND domain <> ALL($2::text[])
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE delivery
SET state = 'sending', attempt = attempt + 1, lease_until = now() + $3, due_at = NULL, updated_at = now()
FROM due LEFT JOIN published_document
     ON published_document.document_id = due.document_id AND published_document.version = due.document_version
WHERE delivery.id = due.id
RETURNING delivery.id, attempt, purpose, delivery.customer_number, address, form, salutation, first_name, last_name,
          language, user_ids, username, secret, expires_at, reason, trace, queued_at, due.due_at,
          {", ".join(f"published_document.{name}" for name in COLUMNS if name != "customer_number")},
          coalesce(NOT visible, false) AS document_is_gone
"""  # noqa: S608 -- names of our own columns

_NAMED = """
FROM unnest($1::uuid[], $2::int[]) AS mine (id, attempt)
WHERE delivery.id = mine.id AND delivery.attempt = mine.attempt
"""

MARK = f"""
UPDATE delivery SET state = 'dot_pending', lease_until = now() + $3, updated_at = now() {_NAMED} AND state = 'sending'
RETURNING delivery.id, delivery.attempt
"""  # noqa: S608 -- a part of our own

RENEW = f"""
UPDATE delivery SET lease_until = now() + $3 {_NAMED} AND state IN ('sending', 'dot_pending')
RETURNING delivery.id, delivery.attempt
"""  # noqa: S608 -- a part of our own

SETTLE = """
UPDATE delivery SET
    state = new.state, reason = new.reason, form = coalesce(new.form, delivery.form), lease_until = NULL,
    due_at = now() + make_interval(secs => new.again), updated_at = now(),
    secret = CASE WHEN new.state IN ('sent', 'bounced', 'failed', 'suppressed') THEN NULL ELSE secret END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::text[])
     AS new (id, attempt, state, reason, form, again, allowed)
WHERE delivery.id = new.id AND delivery.attempt = new.attempt AND delivery.state = ANY(string_to_array(allowed, ','))
RETURNING delivery.id, delivery.attempt
"""

_EXPIRED = "(lease_until < now() OR lease_until > now() + $1::interval) FOR UPDATE SKIP LOCKED"

REQUEUE = f"""
UPDATE delivery SET state = 'queued', lease_until = NULL, due_at = now(), updated_at = now()
WHERE id IN (SELECT id FROM delivery WHERE state = 'sending' AND {_EXPIRED})
"""  # noqa: S608 -- a part of our own

LOSE = f"""
UPDATE delivery SET
    state = 'unknown', lease_until = NULL, reason = 'dot: the sender ended before the answer', updated_at = now(),
    due_at = CASE WHEN purpose = ANY($2::text[]) THEN now() + interval '30 seconds' END
WHERE id IN (SELECT id FROM delivery WHERE state = 'dot_pending' AND {_EXPIRED})
RETURNING id, purpose, customer_number, address, form, state, reason, document_id, document_version, trace
"""  # noqa: S608 -- a part of our own

# No back-off reaches so far: the clock has been set back since. The first condition goes along the index.
DUE_TOO_FAR = """
UPDATE delivery SET due_at = now()
WHERE due_at > now() + interval '1 minute'
  AND due_at > now() + make_interval(secs => ($1::float8[])[
      1 + CASE state WHEN 'queued' THEN 0 ELSE greatest(1, least(attempt, array_length($1::float8[], 1) - 1)) END])
"""

EXPIRE = """
UPDATE delivery SET
    secret = NULL, due_at = NULL,
    state = CASE WHEN state IN ('queued', 'delayed') THEN 'failed' ELSE state END,
    reason = CASE WHEN state IN ('queued', 'delayed') THEN 'expired before it could be sent' ELSE reason END,
    updated_at = now()
WHERE id IN (SELECT id FROM delivery WHERE secret IS NOT NULL AND expires_at <= now()
             AND state NOT IN ('sending', 'dot_pending') FOR UPDATE SKIP LOCKED)
RETURNING id, purpose, customer_number, address, form, state, reason, document_id, document_version, trace
"""
