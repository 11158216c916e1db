-- The rules of reconciling are data and a contract: a change of this output is
-- a change of what pgops does, and the release notes must say so.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;
\pset format unaligned
SELECT * FROM pgops.rules;
