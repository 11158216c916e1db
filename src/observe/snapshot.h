/*
 * snapshot.h
 *		What the server is now: shared catalogs, the inside of databases, the
 *		HBA file, with the same types as the declared model.
 *
 * Not for: what is desired, and not for changing anything.
 */
#ifndef PGOPS_OBSERVE_SNAPSHOT_H
#define PGOPS_OBSERVE_SNAPSHOT_H

#include "spec/model.h"

typedef struct AvailableExtension
{
	char	   *name;
	char	   *default_version;
	char	   *schema;			/* the one its control file fixes (of the default version);
								 * NULL: it goes where it is told */
	List	   *versions;		/* of char * */
	List	   *requires;		/* of char *: of the default version */
} AvailableExtension;

/*
 * A parameter of the server.  What the files say is told apart by file, since
 * ALTER SYSTEM writes into one of them only.  "running" is what this process
 * has: of what a session can set it may be the session's.
 */
typedef struct ServerSetting
{
	char	   *name;			/* lower case */
	char	   *context;		/* internal, postmaster, sighup, ... user; NULL: the server does not
								 * know the parameter, but its files name it */
	char	   *type;			/* bool, integer, real, string, enum */
	int			flags;			/* GUC_... of utils/guc.h: units of numbers among them */
	char	   *running;		/* a number without its unit */
	char	   *source;			/* of the running value: default, configuration file, command line ... */
	char	   *boot;			/* what holds where nothing sets it; may be NULL */
	char	   *in_auto;		/* in postgresql.auto.conf; NULL: not there */
	char	   *in_files;		/* in the other files, the one that counts; NULL: not there */
	char	   *file;			/* which of the other files that is */
	bool		waits;			/* the files say something that only a restart brings about */
} ServerSetting;

typedef struct ServerState
{
	int			server_major;	/* 15 ... 18 */
	char	   *bootstrap_superuser;
	bool		superuser_peer; /* the server's OS user has the bootstrap superuser's name */
	bool		in_recovery;
	List	   *roles;			/* of Role *, all but pg_* ones; by name */
	List	   *system_roles;	/* of char *: names of the pg_* roles that exist */
	List	   *databases;		/* of Database *, template0 included; by name */
	List	   *tablespaces;	/* of char * */
	List	   *available;		/* of AvailableExtension *; NIL until observe_available() */
	bool		available_known;
	bool		dependents_known;	/* whether the roles have their databases */
	struct CronState *cron;		/* pg_cron (cron.h); NULL: nothing here has to do with it */
	char	   *hba_path;
	char	   *hba_text;		/* NULL: file is missing, or hba_error */
	char	   *hba_error;		/* why it cannot be read, or NULL */
	int			hba_sqlstate;	/* of hba_error */
	List	   *settings;		/* of ServerSetting *, by name; NIL until observe_server_settings() */
	bool		settings_known;
	char	   *settings_error; /* why the server does not accept its configuration files, or NULL */
	int			prepared_transactions;	/* how many there are; known with the settings */
	bool		patroni;		/* Patroni runs this server: its settings are not ours */
	struct HTAB *role_index;	/* name -> Role, see snapshot_role() */
	struct HTAB *database_index;	/* likewise; made at the first lookup and */
	struct HTAB *available_index;	/* kept in step with their list */
} ServerState;

/*
 * observe_shared
 *		Reads the shared catalogs (roles, memberships, settings, comments,
 *		databases, tablespaces) and the HBA file.  Needs a transaction with an
 *		active snapshot; uses SPI with search_path pinned.  Result in the
 *		current memory context.  A HBA file that cannot be read is no error:
 *		it must not stop everything else.
 */
extern ServerState *observe_shared(void);

/*
 * observe_available
 *		Fills snapshot->available from the extension directory of this server.
 *		Needs what observe_shared() needs.  A control file that cannot be read
 *		is a WARNING and leaves available_known false.
 */
extern void observe_available(ServerState *snapshot);

/*
 * observe_server_settings
 *		Fills snapshot->settings from the server and its configuration files.
 *		Needs what observe_shared() needs.  Files that the server does not accept
 *		are no error: settings_error says so, and where they cannot even be
 *		parsed settings_known stays false.
 */
extern void observe_server_settings(ServerState *snapshot);

/*
 * observe_setting_problem
 *		Why the server would not take a value for a parameter (its message,
 *		palloc'd), or NULL; *hint is set, to NULL where there is none.  "known":
 *		it is a parameter of the server, not one of an extension that is not
 *		loaded, of which nothing can be said.  Files that the server needs at its
 *		start (libraries to be preloaded, directories of sockets) are looked for.
 */
extern char *observe_setting_problem(const Setting *setting, bool known, char **hint);

/*
 * observe_settings_unread
 *		Whether ALTER SYSTEM has written something since the configuration was
 *		last read; for a process that has just been started, of which the
 *		postmaster's last time is its own.
 */
extern bool observe_settings_unread(void);

/*
 * observe_dependents
 *		Fills role->databases of all roles: where a role owns something or has a
 *		privilege, so that removing it need not go through every database.
 *		Needs what observe_shared() needs.
 */
extern void observe_dependents(ServerState *snapshot);

/*
 * observe_local_read
 *		The inside of the database this process is connected to, without a
 *		worker.  Needs a transaction.  Result in the current memory context.
 */
extern LocalState *observe_local_read(void);

/*
 * observe_local_here
 *		Reads the inside of the database this process is connected to and
 *		appends its rows to "out" in the transport form understood by
 *		observe_local_decode().  Runs in a database worker, in a transaction.
 */
extern void observe_local_here(StringInfo out);
extern LocalState *observe_local_decode(const char *data, int length);

/* lookups; NULL if there is none */
extern Role *snapshot_role(ServerState *snapshot, const char *name);
extern Database *snapshot_database(ServerState *snapshot, const char *name);

/* whether a role exists: ordinary or pg_* */
extern bool snapshot_role_exists(ServerState *snapshot, const char *name);
extern AvailableExtension *snapshot_available(ServerState *snapshot, const char *name);

/* in any case of letters; NULL: neither the server nor its files know it */
extern ServerSetting *snapshot_setting(const ServerState *snapshot, const char *name);

/*
 * observe_acl
 *		Explodes an aclitem[] datum (or the object type's default ACL when it
 *		is NULL) into AclEntry's.  objtype as for acldefault(): 'd', 'n', 'r'...
 */
extern List *observe_acl(Datum acl, bool isnull, char objtype, Oid owner);

#endif							/* PGOPS_OBSERVE_SNAPSHOT_H */
