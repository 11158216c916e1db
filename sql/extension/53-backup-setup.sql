/*
 * Setting up backups again.  The first time the declaration is enough.
 */
CREATE FUNCTION pgops.backup_setup()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_backup_setup';

COMMENT ON FUNCTION pgops.backup_setup() IS
'Sets up the declared backups of this server again, after the commit: the stanza is created in each repository that lacks it, archiving of WAL is checked, and a full backup is made where there is none (unless pgbackrest_init_backup is false). Needed only after a repository was lost for good: where one has no stanza any more pgops does nothing by itself, since it may just not be mounted. What is in the repositories is never removed.

Result: nothing; SELECT * FROM pgops.wait() waits for the end of the job.

Errors: PO700 if it is not known which declared instance this server is, PO506 if no backups are declared, 25006 on a standby, PO702 if pgops is not in shared_preload_libraries.

Example:
  SELECT pgops.backup_setup();
  SELECT phase, message FROM pgops.wait(timeout => ''10min'');';
