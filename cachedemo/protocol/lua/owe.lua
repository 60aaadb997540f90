#!lua flags=allow-oom
-- owe(keys=[queue], args=[pk...])
--   A cache step could not be done after the database or the queue took a write: notes, due at once, that somebody must
--   empty the slots of these rows. Once a row, however often it happens while the cache is away.

owe(ARGV)
