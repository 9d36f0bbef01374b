-- The database of the leases, SQLite, as commit ec67cb3 made it, with what a trainer, an admin and two kernels leave behind.
BEGIN TRANSACTION;
CREATE TABLE brokers (
	id INTEGER NOT NULL, 
	term BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "brokers" VALUES(1,1);
CREATE TABLE devices (
	uuid VARCHAR(80) NOT NULL, 
	record JSON NOT NULL, 
	PRIMARY KEY (uuid)
);
INSERT INTO "devices" VALUES('GPU-0','{"uuid": "GPU-0", "gpu_class": "big", "index": 0, "model": "Moody", "memory": 17179869184, "simulated": false, "unparkable": "", "state": "free", "lease": null, "since": 1810000032.0, "draining": false, "visible": true, "worked": 0.0, "nodes": []}');
CREATE TABLE holdings (
	id INTEGER NOT NULL, 
	device VARCHAR(80) NOT NULL, 
	lease VARCHAR(40) NOT NULL, 
	epoch BIGINT NOT NULL, 
	held_from FLOAT NOT NULL, 
	held_to FLOAT, 
	PRIMARY KEY (id)
);
INSERT INTO "holdings" VALUES(1,'GPU-0','first',1,1810000005.0,1810000010.0);
INSERT INTO "holdings" VALUES(2,'GPU-0','second',1,1810000013.0,1810000021.0);
INSERT INTO "holdings" VALUES(3,'GPU-0','first',3,1810000023.0,1810000030.0);
CREATE TABLE lease_intents (
	lease VARCHAR(40) NOT NULL, 
	epoch BIGINT NOT NULL, 
	act VARCHAR(16) NOT NULL, 
	device VARCHAR(80) NOT NULL, 
	at FLOAT NOT NULL, 
	outcome VARCHAR(16), 
	reason VARCHAR(80), 
	bytes BIGINT, 
	seconds FLOAT, 
	done_at FLOAT, 
	PRIMARY KEY (lease, epoch)
);
INSERT INTO "lease_intents" VALUES('first',2,'park','GPU-0',1810000009.0,'done','',100,0.1,1810000010.0);
INSERT INTO "lease_intents" VALUES('second',2,'park','GPU-0',1810000019.0,'done','',100,0.1,1810000021.0);
INSERT INTO "lease_intents" VALUES('first',3,'resume','GPU-0',1810000023.0,'done','',100,0.1,1810000027.0);
CREATE TABLE lease_transitions (
	id INTEGER NOT NULL, 
	lease VARCHAR(40) NOT NULL, 
	"before" VARCHAR(16), 
	"after" VARCHAR(16) NOT NULL, 
	why VARCHAR(80) NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "lease_transitions" VALUES(1,'first',NULL,'queued','requested',1810000005.0);
INSERT INTO "lease_transitions" VALUES(2,'first','queued','offered','granted',1810000005.0);
INSERT INTO "lease_transitions" VALUES(3,'second',NULL,'queued','requested',1810000006.0);
INSERT INTO "lease_transitions" VALUES(4,'first','offered','active','taken',1810000007.0);
INSERT INTO "lease_transitions" VALUES(5,'first','active','notice','somebody-waits',1810000009.0);
INSERT INTO "lease_transitions" VALUES(6,'first','notice','parking','notice-over',1810000009.0);
INSERT INTO "lease_transitions" VALUES(7,'first','parking','parked','parked',1810000010.0);
INSERT INTO "lease_transitions" VALUES(8,'second','queued','offered','granted',1810000013.0);
INSERT INTO "lease_transitions" VALUES(9,'second','offered','active','taken',1810000015.0);
INSERT INTO "lease_transitions" VALUES(10,'second','active','notice','somebody-waits',1810000019.0);
INSERT INTO "lease_transitions" VALUES(11,'second','notice','parking','notice-over',1810000019.0);
INSERT INTO "lease_transitions" VALUES(12,'second','parking','parked','parked',1810000021.0);
INSERT INTO "lease_transitions" VALUES(13,'first','parked','resuming','granted',1810000023.0);
INSERT INTO "lease_transitions" VALUES(14,'first','resuming','active','resumed',1810000027.0);
INSERT INTO "lease_transitions" VALUES(15,'first','active','released','user',1810000030.0);
INSERT INTO "lease_transitions" VALUES(16,'second','parked','released','user',1810000031.0);
CREATE TABLE leases (
	id VARCHAR(40) NOT NULL, 
	user VARCHAR(255) NOT NULL, 
	programme VARCHAR(32) NOT NULL, 
	gpu_class VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	requested FLOAT NOT NULL, 
	ended_at FLOAT, 
	held_seconds FLOAT NOT NULL, 
	busy_seconds FLOAT NOT NULL, 
	record JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "leases" VALUES('first','ada','','big','released',0.0,1810000030.0,10.0,0.0,'{"id": "first", "user": "ada", "programme": "", "groups": [], "gpu_class": "big", "count": 1, "kind": "interactive", "holder": "first.ipynb", "server": "", "gated": true, "requested": 0.0, "state": "released", "since": 1810000030.0, "queued_at": 1810000017.0, "epoch": 3, "devices": [], "home": "GPU-0", "parked_from": "GPU-0", "pid": 2, "pid_started": "1", "busy": false, "used": false, "wants": false, "watched": false, "idle_since": 1810000027.0, "acquired": 1810000027.0, "heard": 1810000027.0, "silent": false, "unparkable": "", "not_before": 1810000027.0, "setbacks": 0, "pausing": false, "kept_until": 0.0, "keeps": 0, "lapses": 0, "ends_at": 0.0, "host_bytes": 0, "charged": 1810000030.0, "held_seconds": 10.0, "busy_seconds": 0.0, "ended": "user"}');
INSERT INTO "leases" VALUES('second','bob','','big','released',0.0,1810000031.0,6.0,0.0,'{"id": "second", "user": "bob", "programme": "", "groups": [], "gpu_class": "big", "count": 1, "kind": "interactive", "holder": "second.ipynb", "server": "", "gated": true, "requested": 0.0, "state": "released", "since": 1810000031.0, "queued_at": 1810000006.0, "epoch": 2, "devices": [], "home": "GPU-0", "parked_from": "GPU-0", "pid": 2, "pid_started": "1", "busy": false, "used": false, "wants": false, "watched": false, "idle_since": 1810000015.0, "acquired": 1810000015.0, "heard": 1810000029.0, "silent": false, "unparkable": "", "not_before": 0.0, "setbacks": 0, "pausing": false, "kept_until": 0.0, "keeps": 0, "lapses": 0, "ends_at": 0.0, "host_bytes": 0, "charged": 1810000031.0, "held_seconds": 6.0, "busy_seconds": 0.0, "ended": "user"}');
CREATE TABLE reservations (
	id VARCHAR(80) NOT NULL, 
	record JSON NOT NULL, 
	is_over BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "reservations" VALUES('gpus-for-beginners','{"id": "gpus-for-beginners"}',1);
CREATE TABLE uses (
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	level FLOAT, 
	week INTEGER NOT NULL, 
	week_seconds FLOAT NOT NULL, 
	PRIMARY KEY (kind, name)
);
INSERT INTO "uses" VALUES('programme','',2.99672490430725201801e+03,2992,16.0);
INSERT INTO "uses" VALUES('user','ada',2.09523962660611832694e+04,2992,10.0);
INSERT INTO "uses" VALUES('user','bob',2.09516592796303521037e+04,2992,6.0);
CREATE INDEX ended_leases_of_user ON leases (user, ended_at);
CREATE INDEX live_leases ON leases (id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_live_lease_per_device ON holdings (device) WHERE held_to IS NULL;
CREATE INDEX ix_lease_transitions_lease ON lease_transitions (lease);
COMMIT;
