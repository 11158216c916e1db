/*
 * render.h
 *		From the model to the text of files, and the difference of two texts.
 *
 * Pure.  Not for: where a text is written, nor whether it is right
 * (io/hba.h asks the server's parser).
 */
#ifndef PGOPS_RENDER_RENDER_H
#define PGOPS_RENDER_RENDER_H

#include "spec/model.h"

/*
 * render_hba
 *		The whole pg_hba.conf of cluster->self (or of a lone unbound instance)
 *		for a server that is in recovery or not.  Begins with the superuser's
 *		local rule; its method and options are "local_method" ("peer", "trust",
 *		"peer map=admins", ...).  A rule with a role filter is live for the
 *		server's actual role: primary when not in recovery; else replica, and
 *		besides offline/standby/delayed where the instance declares that
 *		role; role offline also where pg_offline_query is set.
 *		server_major decides what must be refused (names beginning with '/'
 *		are regular expressions since 16).
 */
extern char *render_hba(const Cluster *cluster, bool in_recovery,
						const char *local_method, int server_major);

/*
 * render_hba_rule
 *		The lines of one rule of the cluster, of char *; NIL if it would be left
 *		out.
 */
extern List *render_hba_rule(const Cluster *cluster, const HbaRule *rule, int server_major);

/*
 * render_hba_lines
 *		Lines (of char *) that hold on every member of the cluster, whatever its role: the
 *		superuser's local rule first; NIL if that cannot be written.  *left_out: of HbaRule *, those
 *		that hold on some only.
 */
extern List *render_hba_lines(const Cluster *cluster, const char *local_method,
							  int server_major, List **left_out);

/*
 * render_hba_check
 *		Findings for what cannot be rendered safely: unknown address or auth
 *		alias, bad address, hostile names that HBA cannot express.
 */
extern void render_hba_check(const Cluster *cluster, int server_major, Findings *findings);

/* unified diff (3 lines of context) with headers "--- path" and "+++ path (pgops)"; empty string if equal */
extern char *render_diff(const char *path, const char *before, const char *after);

/*
 * render_shell_word
 *		A word of a command line as the shell takes it.  percent: with its percent signs
 *		doubled, as archive_command and restore_command want them.  palloc'd.
 */
extern char *render_shell_word(const char *word, bool percent);

#endif							/* PGOPS_RENDER_RENDER_H */
