-- The database of the service, SQLite, as commit ec67cb3 made it, with what a trainer, an admin and two kernels leave behind.
BEGIN TRANSACTION;
CREATE TABLE keeps (
	user VARCHAR(255) NOT NULL, 
	server VARCHAR(255) NOT NULL, 
	started DATETIME NOT NULL, 
	count INTEGER NOT NULL, 
	until DATETIME NOT NULL, 
	PRIMARY KEY (user, server)
);
INSERT INTO "keeps" VALUES('ada','','2026-11-26 14:00:00.000000',1,'2026-11-26 16:00:00.000000');
INSERT INTO "keeps" VALUES('bob','long','2026-11-26 14:00:00.000000',1,'2026-11-26 16:00:00.000000');
CREATE TABLE workshop_events (
	number INTEGER NOT NULL, 
	workshop VARCHAR(32) NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR(255) NOT NULL, 
	what VARCHAR(32) NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "workshop_events" VALUES(1,'gpus-for-beginners','2026-11-26 17:17:28.458743','trainer','written');
INSERT INTO "workshop_events" VALUES(2,'gpus-for-beginners','2026-11-26 17:17:28.465904','admin','written');
INSERT INTO "workshop_events" VALUES(3,'gpus-for-beginners','2026-11-26 17:17:28.469489','admin','published');
INSERT INTO "workshop_events" VALUES(4,'draft','2026-11-26 17:17:28.472611','trainer','written');
INSERT INTO "workshop_events" VALUES(5,'gone','2026-11-26 17:17:28.475022','trainer','written');
INSERT INTO "workshop_events" VALUES(6,'gone','2026-11-26 17:17:28.478054','trainer','removed');
CREATE TABLE workshops (
	id VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	record JSON NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "workshops" VALUES('gpus-for-beginners','published','{"id": "gpus-for-beginners", "title": {"en": "GPUs for beginners", "nl": "GPU''s voor beginners"}, "starts": "2027-03-28 01:30+00:00", "ends": "2027-03-28 04:00+00:00", "place": "Zaal <3>", "programme": null, "trainers": ["trainer"], "learners": ["ada", "bob"], "seats": 8, "profile": "small", "gpus": {"gpu_class": "h200", "devices": "enough"}, "lessons": ["S1"], "timetable": null, "retention": "30d"}',3);
INSERT INTO "workshops" VALUES('draft','draft','{"id": "draft", "title": {"en": "GPUs for beginners", "nl": "GPU''s voor beginners"}, "starts": "2027-03-28 01:30+00:00", "ends": "2027-03-28 04:00+00:00", "place": "", "programme": null, "trainers": ["trainer"], "learners": [], "seats": 5, "profile": "small", "gpus": null, "lessons": ["S1"], "timetable": null, "retention": "30d"}',1);
CREATE INDEX ix_workshop_events_workshop ON workshop_events (workshop);
COMMIT;
