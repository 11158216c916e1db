/*
 * Who may do what: superusers everything, members of pg_monitor may look,
 * others nothing.  Tables that hold verifiers, secrets or documents stay with
 * superusers.  This file is the only one that grants.
 */

/*
 * Default privileges of whoever creates the extension hold for its objects,
 * too: a cluster whose pg_default_privileges let an application role write all
 * tables would let it write declarations, and so become superuser, when the
 * extension is created there a second time.  Whatever was granted on the way
 * is therefore taken back from everybody, not from PUBLIC alone.
 */
DO $$
DECLARE
	granted	record;
BEGIN
	FOR granted IN
		SELECT DISTINCT o.object,
			   CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC'
					ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee))
			   END AS grantee
		FROM (SELECT 'SCHEMA pgops', n.nspacl, n.nspowner
			  FROM pg_catalog.pg_namespace AS n
			  WHERE n.nspname OPERATOR(pg_catalog.=) 'pgops'
			  UNION ALL
			  SELECT pg_catalog.format('%s %s',
									   CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
									   c.oid::pg_catalog.regclass),
					 c.relacl, c.relowner
			  FROM pg_catalog.pg_class AS c
			  WHERE c.relnamespace OPERATOR(pg_catalog.=) 'pgops'::pg_catalog.regnamespace
				AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,S}'::"char"[])
			  UNION ALL
			  SELECT pg_catalog.format('FUNCTION %s', p.oid::pg_catalog.regprocedure),
					 COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner)), p.proowner
			  FROM pg_catalog.pg_proc AS p
			  WHERE p.pronamespace OPERATOR(pg_catalog.=) 'pgops'::pg_catalog.regnamespace)
			 AS o (object, acl, owner)
		CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
		WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s CASCADE',
								  granted.object, granted.grantee);
	END LOOP;
END
$$;

GRANT USAGE ON SCHEMA pgops TO pg_monitor;

GRANT SELECT ON
	pgops.parameter, pgops.rules, pgops.status, pgops.drift, pgops.actions,
	pgops.action_log,
	pgops.clusters, pgops.instances, pgops.settings, pgops.users, pgops.databases,
	pgops.schemas, pgops.extensions, pgops.hba_rules, pgops.services,
	pgops.default_privileges,
	pgops.backups, pgops.backup_status, pgops.verifications, pgops.restored_instances,
	pgops.push_status, pgops.schedules, pgops.pending_restart, pgops.jobs,
	pgops.members, pgops.ha_status, pgops.ha_history, pgops.replication, pgops.endpoints,
	pgops.topology_drift
	TO pg_monitor;

/* a view calls its functions with the rights of who reads it */
GRANT EXECUTE ON FUNCTION
	pgops.show_parameters(), pgops.show_rules(), pgops.plan(text),
	pgops.local_cluster(), pgops.version(), pgops.coordinator(),
	pgops.inventory(boolean), pgops.inventory_yaml(text, boolean),
	pgops.cluster_spec(text, boolean),
	pgops.render(text, text, boolean, jsonb, integer, integer, bigint, text),
	pgops.rendered(text, boolean, jsonb, integer, integer, bigint, text),
	pgops.revisions(text), pgops.revision_actions(text, bigint),
	pgops.diff(text, bigint, bigint),
	pgops.show_declared(text, text), pgops.show_settings(text),
	pgops.show_pending_restart(),
	pgops.tune(text, integer, integer, bigint, integer, double precision,
			   text, text, text, text, text, text, text, integer),
	pgops.cron_next(text, timestamptz, integer, text),
	pgops.backup_declared(), pgops.backup_leads_here(text, pg_lsn), pgops.archive_state(), pgops.instance_alive(text),
	pgops.job_kinds(), pgops.job_slots(), pgops.standby_jobs(), pgops.job_log(bigint, integer),
	pgops.show_members(), pgops.show_ha_status(), pgops.show_ha_history(), pgops.local_instance(),
	pgops.show_endpoints(), pgops.show_topology(), pgops.health_check(text, text, text, bigint, jsonb),
	pgops.amount(double precision, text),
	pgops.progress_text(double precision, double precision, text, double precision, interval)
	TO pg_monitor;
