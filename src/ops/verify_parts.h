/*
 * verify_parts.h
 *		Private to verify*.c: one restore test, and the parts it is made of.
 */
#ifndef PGOPS_OPS_VERIFY_PARTS_H
#define PGOPS_OPS_VERIFY_PARTS_H

#include "ops/instance.h"

typedef struct Verification
{
	int64		id;				/* of the row */
	Stanza	   *stanza;
	StanzaState *state;			/* what the repositories hold */
	const BackupSet *set;		/* what is tested */
	RestoreTarget *target;
	BesideInstance *instance;

	/* what it came to; what is 0 or NULL was not reached */
	double		restore_seconds;
	double		recovery_seconds;
	double		check_seconds;
	int64		bytes;
	char	   *reached_lsn;
	char	   *reached_time;
	SpecNode   *checksums;
	SpecNode   *amcheck;
	SpecNode   *probes;
	List	   *damage;			/* of char *: what is wrong with the backup */
	List	   *failed_probes;	/* of char * */
} Verification;

/* ---- verify_store.c ---- */

/* the row of a test that begins; sets id */
extern void verify_store_begin(Job *job, Verification *test);

/* what became of it; error NULL: it succeeded */
extern void verify_store_end(Job *job, const Verification *test, const ErrorData *error);

/* ---- verify_check.c: each adds what it finds to test->damage ---- */

/* whether recovery has read the archive to its end */
extern void verify_archive_end(Job *job, Verification *test);

/* pg_amcheck over all databases of the running instance */
extern void verify_amcheck(Job *job, Verification *test);

/* pg_checksums over the files of the stopped one */
extern void verify_checksums(Job *job, Verification *test);

/* ---- verify_probe.c ---- */

/* answer to a query */
typedef struct VerifyAnswer
{
	char	   *sqlstate;		/* NULL: it succeeded */
	char	   *message;
	List	   *rows;			/* of char *: each row's only column; NULL in it: a null */
} VerifyAnswer;

/* asks the running instance a query of one column; what goes wrong there is not raised */
extern VerifyAnswer *verify_ask(Job *job, const Verification *test, const char *database,
								const char *query);

/* the first row of such an answer, NULL if there is none */
extern const char *verify_ask_one(Job *job, const Verification *test, const char *query);

/* the default probes and those of the job's arguments: fills probes and failed_probes */
extern void verify_probes(Job *job, Verification *test);

/* ---- verify_leftover.c ---- */

/* drops the scratch instances of tests that a crash ended */
extern void verify_drop_leftovers(Job *job);

#endif							/* PGOPS_OPS_VERIFY_PARTS_H */
