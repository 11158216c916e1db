/*
 * stanza_parts.h
 *		What the files stanza*.c share.
 *
 * Private to this folder.
 */
#ifndef PGOPS_OPS_STANZA_PARTS_H
#define PGOPS_OPS_STANZA_PARTS_H

#include "ops/stanza.h"

/*
 * stanza_json
 *		JSON text that pgBackRest wrote, in UTF-8, as a tree; NULL if it is none,
 *		with the reason in *problem (which may be NULL).  Not in a transaction
 *		that is to go on after that.
 */
extern SpecNode *stanza_json(const char *text, char **problem);

/*
 * stanza_try_read
 *		As stanza_read(), but NULL with *problem where that raises because of
 *		pgBackRest.
 */
extern StanzaState *stanza_try_read(Job *job, const Stanza *stanza, const char *name,
									StanzaFailure **problem);

/*
 * stanza_keep_secrets
 *		From now on the secrets of the configuration file are masked in all that
 *		the job tells.
 */
extern void stanza_keep_secrets(Job *job);

/* as stanza_parse(), but NULL with *problem */
extern StanzaState *stanza_try_parse(const char *json, const char *name, char **problem);

#endif							/* PGOPS_OPS_STANZA_PARTS_H */
