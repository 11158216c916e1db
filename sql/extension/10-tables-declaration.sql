/*
 * What was declared: one row per cluster, instance and parameter, secrets
 * apart, and the history.  These tables are what pg_dump carries to another
 * server (95-dump.sql), except the secrets and the identity.
 *
 * Not for: what the server is, and what was done to it (12-tables-state.sql).
 */

/* Called after each change of a declaration; tells the coordinator at commit. */
CREATE FUNCTION pgops.wake_trigger()
RETURNS trigger
LANGUAGE C
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_wake_trigger';

COMMENT ON FUNCTION pgops.wake_trigger() IS
'Trigger function of the declaration tables: wakes the coordinator when the transaction commits. It neither reads nor changes rows.';

/*
 * Variables and secrets have no foreign keys: each row would look for its cluster
 * and its host, which took a fifth of the load of a large inventory, and whoever
 * writes them has just written those.  This is the other half of the keys' work.
 */
CREATE FUNCTION pgops.cascade_trigger()
RETURNS trigger
LANGUAGE C
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_cascade_trigger';

COMMENT ON FUNCTION pgops.cascade_trigger() IS
'Trigger function: deletes the variables and secrets of deleted clusters or, with any argument, of deleted instances. For statement triggers AFTER DELETE with the transition table "gone".';

/* ---- clusters ---- */
CREATE TABLE pgops.cluster (
	name			text NOT NULL,
	kind			text NOT NULL DEFAULT 'pgsql',
	hosts_first		boolean NOT NULL DEFAULT false,
	generation		bigint NOT NULL DEFAULT 1,
	paused			boolean NOT NULL DEFAULT false,
	approved_digest	text,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT cluster_pkey PRIMARY KEY (name),
	CONSTRAINT cluster_name_check CHECK (name <> ''),
	CONSTRAINT cluster_generation_check CHECK (generation > 0)
);

COMMENT ON TABLE pgops.cluster IS
'Declared clusters: the groups of the inventory, one row each. Written by pgops.apply_cluster(), apply_inventory(), the writable views, pause(), resume(), approve() and forget().';
COMMENT ON COLUMN pgops.cluster.name IS 'Name of the cluster: the key of its document, the name of its group.';
COMMENT ON COLUMN pgops.cluster.kind IS
'What kind of group it is: pgsql is the one that is reconciled; etcd, minio, redis, infra, docker, ... are kept for Ansible; group has no hosts of its own; node is any other.';
COMMENT ON COLUMN pgops.cluster.hosts_first IS 'Whether the group''s "hosts" are written before its "children": Ansible reads them in that order.';
COMMENT ON COLUMN pgops.cluster.generation IS
'Rises with each accepted declaration, pause, resume, approval and bind. A cluster is settled when the status of this generation is known: see pgops.wait().';
COMMENT ON COLUMN pgops.cluster.paused IS 'Whether passes only observe: see pgops.pause().';
COMMENT ON COLUMN pgops.cluster.approved_digest IS
'Digest of the destructive steps that pgops.approve() released, or NULL. It holds for exactly those steps.';
COMMENT ON COLUMN pgops.cluster.created_at IS 'When the cluster was first declared.';
COMMENT ON COLUMN pgops.cluster.updated_at IS 'When the generation rose last.';

CREATE TRIGGER cluster_wake
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgops.cluster
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.wake_trigger();
COMMENT ON TRIGGER cluster_wake ON pgops.cluster IS 'Wakes the coordinator at commit.';

CREATE TRIGGER cluster_cascade
	AFTER DELETE ON pgops.cluster
	REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.cascade_trigger();
COMMENT ON TRIGGER cluster_cascade ON pgops.cluster IS 'Deletes the variables and secrets of deleted clusters.';

/* ---- groups inside groups ---- */
CREATE TABLE pgops.child (
	parent		text,
	child		text NOT NULL,
	ordinal		integer NOT NULL,
	defines		boolean NOT NULL DEFAULT true,
	top			boolean NOT NULL DEFAULT false,
	CONSTRAINT child_key UNIQUE NULLS NOT DISTINCT (parent, child),
	CONSTRAINT child_top_check CHECK (NOT top OR parent IS NULL),
	CONSTRAINT child_parent_fkey FOREIGN KEY (parent)
		REFERENCES pgops.cluster (name) ON DELETE CASCADE,
	CONSTRAINT child_child_fkey FOREIGN KEY (child)
		REFERENCES pgops.cluster (name) ON DELETE CASCADE
);

CREATE INDEX child_child_idx ON pgops.child (child);
COMMENT ON INDEX pgops.child_child_idx IS 'For finding the groups above a group.';

COMMENT ON TABLE pgops.child IS
'Which groups of the inventory lie in which: one row per mention of a group below another.';
COMMENT ON COLUMN pgops.child.parent IS 'The group above; NULL: the whole inventory ("all").';
COMMENT ON COLUMN pgops.child.child IS 'The group below.';
COMMENT ON COLUMN pgops.child.ordinal IS 'Place in the document among the children of the same parent.';
COMMENT ON COLUMN pgops.child.defines IS 'Whether the group''s hosts and variables stand at this mention; at other mentions only its name does.';
COMMENT ON COLUMN pgops.child.top IS 'Whether it is written beside "all" rather than below it.';

CREATE TRIGGER child_wake
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgops.child
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.wake_trigger();
COMMENT ON TRIGGER child_wake ON pgops.child IS 'Wakes the coordinator at commit.';

/* ---- instances ---- */
CREATE TABLE pgops.instance (
	cluster		text NOT NULL,
	host		text NOT NULL,
	name		text,
	seq			integer,
	ordinal		integer NOT NULL,
	CONSTRAINT instance_pkey PRIMARY KEY (cluster, host),
	/* checked at the end of a statement, so that two instances can swap numbers */
	CONSTRAINT instance_name_key UNIQUE (name) DEFERRABLE INITIALLY IMMEDIATE,
	CONSTRAINT instance_cluster_fkey FOREIGN KEY (cluster)
		REFERENCES pgops.cluster (name) ON DELETE CASCADE
);

COMMENT ON TABLE pgops.instance IS 'Declared instances: one row per host of a group.';
COMMENT ON COLUMN pgops.instance.cluster IS 'Cluster the instance belongs to.';
COMMENT ON COLUMN pgops.instance.host IS 'Address or name of the host: the key below "hosts".';
COMMENT ON COLUMN pgops.instance.name IS 'Name of the instance of a pgsql cluster: cluster and sequence number, as pg-meta-1. What pgops.bind() and the setting pgops.instance take. NULL: a host of another kind of group.';
COMMENT ON COLUMN pgops.instance.seq IS 'Sequence number in the cluster (pg_seq), or NULL.';
COMMENT ON COLUMN pgops.instance.ordinal IS 'Place in the document, counted from 1.';

CREATE INDEX instance_host_idx ON pgops.instance (host);
COMMENT ON INDEX pgops.instance_host_idx IS 'For finding the groups of a host.';

CREATE TRIGGER instance_wake
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgops.instance
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.wake_trigger();
COMMENT ON TRIGGER instance_wake ON pgops.instance IS 'Wakes the coordinator at commit.';

CREATE TRIGGER instance_cascade
	AFTER DELETE ON pgops.instance
	REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.cascade_trigger('host');
COMMENT ON TRIGGER instance_cascade ON pgops.instance IS 'Deletes the variables and secrets of deleted instances.';

/* ---- parameters ---- */
CREATE TABLE pgops.variable (
	scope		text NOT NULL,
	cluster		text,
	host		text,
	name		text NOT NULL,
	source		json NOT NULL,
	value		jsonb NOT NULL GENERATED ALWAYS AS (source::jsonb) STORED,
	ordinal		integer NOT NULL,
	CONSTRAINT variable_key UNIQUE NULLS NOT DISTINCT (cluster, host, name),
	CONSTRAINT variable_scope_check CHECK (
		CASE scope
			WHEN 'global' THEN cluster IS NULL AND host IS NULL
			WHEN 'cluster' THEN cluster IS NOT NULL AND host IS NULL
			WHEN 'instance' THEN cluster IS NOT NULL AND host IS NOT NULL
			ELSE false
		END)
);

COMMENT ON TABLE pgops.variable IS
'Declared parameters, one row each. Precedence: instance over cluster over global over the default in pgops.parameter; a parameter is replaced whole. Passwords of roles are SCRAM verifiers here, other secrets are masked and kept in pgops.secret. Superusers only.';
COMMENT ON COLUMN pgops.variable.scope IS 'Level of the declaration: global, cluster or instance.';
COMMENT ON COLUMN pgops.variable.cluster IS 'Cluster; NULL at the global level.';
COMMENT ON COLUMN pgops.variable.host IS 'Host; NULL but at the instance level.';
COMMENT ON COLUMN pgops.variable.name IS 'Name of the parameter, as in pgops.parameter.';
COMMENT ON COLUMN pgops.variable.source IS 'Value as it was declared, its keys in the order of the document; ******** stands for a secret that pgops.secret holds.';
COMMENT ON COLUMN pgops.variable.value IS 'The same for queries; ******** stands for a secret that pgops.secret holds.';
COMMENT ON COLUMN pgops.variable.ordinal IS 'Place in the document, counted from 1.';

CREATE TRIGGER variable_wake
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgops.variable
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.wake_trigger();
COMMENT ON TRIGGER variable_wake ON pgops.variable IS 'Wakes the coordinator at commit.';

/* ---- secrets: never dumped ---- */
CREATE TABLE pgops.secret (
	scope		text NOT NULL,
	cluster		text,
	host		text,
	name		text NOT NULL,
	path		text NOT NULL,
	value		text NOT NULL,
	CONSTRAINT secret_key UNIQUE NULLS NOT DISTINCT (cluster, host, name, path)
);

COMMENT ON TABLE pgops.secret IS
'Plain values of secret parameters that a component needs as they are. Never the passwords of roles. Not part of a dump: after a restore they are declared again. Superusers only.';
COMMENT ON COLUMN pgops.secret.scope IS 'Level of the declaration, as in pgops.variable.';
COMMENT ON COLUMN pgops.secret.cluster IS 'Cluster; NULL at the global level.';
COMMENT ON COLUMN pgops.secret.host IS 'Host; NULL but at the instance level.';
COMMENT ON COLUMN pgops.secret.name IS 'Name of the parameter that holds the secret.';
COMMENT ON COLUMN pgops.secret.path IS 'Where in the parameter''s value the secret stands; empty when it is the whole value.';
COMMENT ON COLUMN pgops.secret.value IS 'The plain secret.';

/* ---- history ---- */
CREATE TABLE pgops.revision (
	cluster				text NOT NULL,
	revision			bigint NOT NULL,
	generation			bigint,
	document			json NOT NULL,
	difference			jsonb NOT NULL,
	note				text,
	created_at			timestamptz NOT NULL DEFAULT now(),
	role				text NOT NULL,
	application_name	text,
	client_addr			inet,
	CONSTRAINT revision_pkey PRIMARY KEY (cluster, revision)
);

COMMENT ON TABLE pgops.revision IS
'Accepted declarations, one row each: what was declared (secrets masked), who did it, when and why. Kept when the cluster is forgotten. Read it through pgops.revisions(). Superusers only.';
COMMENT ON COLUMN pgops.revision.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN pgops.revision.revision IS 'Number in the cluster, counted from 1.';
COMMENT ON COLUMN pgops.revision.generation IS 'Generation the cluster got with it: the log''s actions from this one up to the next revision''s are its own. NULL for "all", which has none.';
COMMENT ON COLUMN pgops.revision.document IS 'The whole declaration, {"hosts": ..., "vars": ...}, keys in their order, every secret as ********. Of "all": {"vars": ..., "children": ...}.';
COMMENT ON COLUMN pgops.revision.difference IS
'What differs from the revision before: a list of {"path", "old", "new"}; a missing "old" was added, a missing "new" was removed; secrets masked.';
COMMENT ON COLUMN pgops.revision.note IS 'The note given with the declaration, or NULL.';
COMMENT ON COLUMN pgops.revision.created_at IS 'When it was declared (start of its transaction).';
COMMENT ON COLUMN pgops.revision.role IS 'Session user who declared it.';
COMMENT ON COLUMN pgops.revision.application_name IS 'application_name of the session.';
COMMENT ON COLUMN pgops.revision.client_addr IS 'Address of the client; NULL over a Unix-domain socket.';

/* ---- values that are resolved once ---- */
CREATE TABLE pgops.resolution (
	cluster		text NOT NULL,
	kind		text NOT NULL,
	name		text NOT NULL,
	attribute	text NOT NULL,
	declared	text NOT NULL,
	resolved	text NOT NULL,
	CONSTRAINT resolution_pkey PRIMARY KEY (cluster, kind, name, attribute),
	CONSTRAINT resolution_cluster_fkey FOREIGN KEY (cluster)
		REFERENCES pgops.cluster (name) ON DELETE CASCADE
);

COMMENT ON TABLE pgops.resolution IS
'Relative values and what they came to when they were first declared, so that applying again does not move them: expire_in of roles.';
COMMENT ON COLUMN pgops.resolution.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN pgops.resolution.kind IS 'Kind of the object: role.';
COMMENT ON COLUMN pgops.resolution.name IS 'Name of the object.';
COMMENT ON COLUMN pgops.resolution.attribute IS 'Attribute that was declared: expire_in.';
COMMENT ON COLUMN pgops.resolution.declared IS 'The value as declared, in days for expire_in; another value is resolved anew.';
COMMENT ON COLUMN pgops.resolution.resolved IS 'What it came to: a time stamp for expire_in.';

/* ---- who this server is: never dumped ---- */
CREATE TABLE pgops.identity (
	instance			text NOT NULL,
	cluster				text NOT NULL,
	system_identifier	bigint NOT NULL,
	host				text NOT NULL,
	data_directory		text NOT NULL,
	bound_at			timestamptz NOT NULL DEFAULT now(),
	bound_by			text NOT NULL DEFAULT session_user,
	CONSTRAINT identity_pkey PRIMARY KEY (instance)
);

COMMENT ON TABLE pgops.identity IS
'Which server is which declared instance. Not part of a dump, and compared with the server at each pass: a restored or copied CMDB observes and does not act until it is claimed by pgops.bind().';
COMMENT ON COLUMN pgops.identity.instance IS 'Name of the instance.';
COMMENT ON COLUMN pgops.identity.cluster IS 'Cluster the instance belongs to.';
COMMENT ON COLUMN pgops.identity.system_identifier IS 'Database system identifier, as in pg_control_system().';
COMMENT ON COLUMN pgops.identity.host IS 'Host name of the machine.';
COMMENT ON COLUMN pgops.identity.data_directory IS 'Data directory of the server.';
COMMENT ON COLUMN pgops.identity.bound_at IS 'When the server was bound.';
COMMENT ON COLUMN pgops.identity.bound_by IS 'Session user who bound it.';

CREATE TRIGGER identity_wake
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgops.identity
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.wake_trigger();
COMMENT ON TRIGGER identity_wake ON pgops.identity IS 'Wakes the coordinator at commit.';
