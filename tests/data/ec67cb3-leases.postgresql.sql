-- The database of the leases, PostgreSQL, as commit ec67cb3 made it, with what a trainer, an admin and two kernels leave behind.
CREATE TABLE public.brokers (
    id integer NOT NULL,
    term bigint NOT NULL
);
COMMENT ON TABLE public.brokers IS 'One row. Each broker that starts raises the term; one with an older term can write nothing more.';
CREATE TABLE public.devices (
    uuid character varying(80) NOT NULL,
    record json NOT NULL
);
CREATE TABLE public.holdings (
    id integer NOT NULL,
    device character varying(80) NOT NULL,
    lease character varying(40) NOT NULL,
    epoch bigint NOT NULL,
    held_from double precision NOT NULL,
    held_to double precision
);
CREATE SEQUENCE public.holdings_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.holdings_id_seq OWNED BY public.holdings.id;
CREATE TABLE public.lease_intents (
    lease character varying(40) NOT NULL,
    epoch bigint NOT NULL,
    act character varying(16) NOT NULL,
    device character varying(80) NOT NULL,
    at double precision NOT NULL,
    outcome character varying(16),
    reason character varying(80),
    bytes bigint,
    seconds double precision,
    done_at double precision
);
CREATE TABLE public.lease_transitions (
    id integer NOT NULL,
    lease character varying(40) NOT NULL,
    before character varying(16),
    after character varying(16) NOT NULL,
    why character varying(80) NOT NULL,
    at double precision NOT NULL
);
CREATE SEQUENCE public.lease_transitions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lease_transitions_id_seq OWNED BY public.lease_transitions.id;
CREATE TABLE public.leases (
    id character varying(40) NOT NULL,
    "user" character varying(255) NOT NULL,
    programme character varying(32) NOT NULL,
    gpu_class character varying(32) NOT NULL,
    state character varying(16) NOT NULL,
    requested double precision NOT NULL,
    ended_at double precision,
    held_seconds double precision NOT NULL,
    busy_seconds double precision NOT NULL,
    record json NOT NULL
);
COMMENT ON COLUMN public.leases.record IS 'The whole lease.';
CREATE TABLE public.reservations (
    id character varying(80) NOT NULL,
    record json NOT NULL,
    is_over boolean NOT NULL
);
CREATE TABLE public.uses (
    kind character varying(16) NOT NULL,
    name character varying(255) NOT NULL,
    level double precision,
    week integer NOT NULL,
    week_seconds double precision NOT NULL
);
ALTER TABLE ONLY public.holdings ALTER COLUMN id SET DEFAULT nextval('public.holdings_id_seq'::regclass);
ALTER TABLE ONLY public.lease_transitions ALTER COLUMN id SET DEFAULT nextval('public.lease_transitions_id_seq'::regclass);
INSERT INTO public.brokers VALUES (1, 1);
INSERT INTO public.devices VALUES ('GPU-0', '{"uuid": "GPU-0", "gpu_class": "big", "index": 0, "model": "Moody", "memory": 17179869184, "simulated": false, "unparkable": "", "state": "free", "lease": null, "since": 1810000032.0, "draining": false, "visible": true, "worked": 0.0, "nodes": []}');
INSERT INTO public.holdings VALUES (1, 'GPU-0', 'first', 1, 1810000005, 1810000010);
INSERT INTO public.holdings VALUES (2, 'GPU-0', 'second', 1, 1810000013, 1810000021);
INSERT INTO public.holdings VALUES (3, 'GPU-0', 'first', 3, 1810000023, 1810000030);
INSERT INTO public.lease_intents VALUES ('first', 2, 'park', 'GPU-0', 1810000009, 'done', '', 100, 0.1, 1810000010);
INSERT INTO public.lease_intents VALUES ('second', 2, 'park', 'GPU-0', 1810000019, 'done', '', 100, 0.1, 1810000021);
INSERT INTO public.lease_intents VALUES ('first', 3, 'resume', 'GPU-0', 1810000023, 'done', '', 100, 0.1, 1810000028);
INSERT INTO public.lease_transitions VALUES (1, 'first', NULL, 'queued', 'requested', 1810000005);
INSERT INTO public.lease_transitions VALUES (2, 'first', 'queued', 'offered', 'granted', 1810000005);
INSERT INTO public.lease_transitions VALUES (3, 'second', NULL, 'queued', 'requested', 1810000006);
INSERT INTO public.lease_transitions VALUES (4, 'first', 'offered', 'active', 'taken', 1810000007);
INSERT INTO public.lease_transitions VALUES (5, 'first', 'active', 'notice', 'somebody-waits', 1810000009);
INSERT INTO public.lease_transitions VALUES (6, 'first', 'notice', 'parking', 'notice-over', 1810000009);
INSERT INTO public.lease_transitions VALUES (7, 'first', 'parking', 'parked', 'parked', 1810000010);
INSERT INTO public.lease_transitions VALUES (8, 'second', 'queued', 'offered', 'granted', 1810000013);
INSERT INTO public.lease_transitions VALUES (9, 'second', 'offered', 'active', 'taken', 1810000015);
INSERT INTO public.lease_transitions VALUES (10, 'second', 'active', 'notice', 'somebody-waits', 1810000019);
INSERT INTO public.lease_transitions VALUES (11, 'second', 'notice', 'parking', 'notice-over', 1810000019);
INSERT INTO public.lease_transitions VALUES (12, 'second', 'parking', 'parked', 'parked', 1810000021);
INSERT INTO public.lease_transitions VALUES (13, 'first', 'parked', 'resuming', 'granted', 1810000023);
INSERT INTO public.lease_transitions VALUES (14, 'first', 'resuming', 'active', 'resumed', 1810000028);
INSERT INTO public.lease_transitions VALUES (15, 'first', 'active', 'released', 'user', 1810000030);
INSERT INTO public.lease_transitions VALUES (16, 'second', 'parked', 'released', 'user', 1810000031);
INSERT INTO public.leases VALUES ('first', 'ada', '', 'big', 'released', 0, 1810000030, 10, 0, '{"id": "first", "user": "ada", "programme": "", "groups": [], "gpu_class": "big", "count": 1, "kind": "interactive", "holder": "first.ipynb", "server": "", "gated": true, "requested": 0.0, "state": "released", "since": 1810000030.0, "queued_at": 1810000017.0, "epoch": 3, "devices": [], "home": "GPU-0", "parked_from": "GPU-0", "pid": 2, "pid_started": "1", "busy": false, "used": false, "wants": false, "watched": false, "idle_since": 1810000028.0, "acquired": 1810000028.0, "heard": 1810000028.0, "silent": false, "unparkable": "", "not_before": 1810000028.0, "setbacks": 0, "pausing": false, "kept_until": 0.0, "keeps": 0, "lapses": 0, "ends_at": 0.0, "host_bytes": 0, "charged": 1810000030.0, "held_seconds": 10.0, "busy_seconds": 0.0, "ended": "user"}');
INSERT INTO public.leases VALUES ('second', 'bob', '', 'big', 'released', 0, 1810000031, 6, 0, '{"id": "second", "user": "bob", "programme": "", "groups": [], "gpu_class": "big", "count": 1, "kind": "interactive", "holder": "second.ipynb", "server": "", "gated": true, "requested": 0.0, "state": "released", "since": 1810000031.0, "queued_at": 1810000006.0, "epoch": 2, "devices": [], "home": "GPU-0", "parked_from": "GPU-0", "pid": 2, "pid_started": "1", "busy": false, "used": false, "wants": false, "watched": false, "idle_since": 1810000015.0, "acquired": 1810000015.0, "heard": 1810000029.0, "silent": false, "unparkable": "", "not_before": 0.0, "setbacks": 0, "pausing": false, "kept_until": 0.0, "keeps": 0, "lapses": 0, "ends_at": 0.0, "host_bytes": 0, "charged": 1810000031.0, "held_seconds": 6.0, "busy_seconds": 0.0, "ended": "user"}');
INSERT INTO public.reservations VALUES ('gpus-for-beginners', '{"id": "gpus-for-beginners"}', true);
INSERT INTO public.uses VALUES ('user', 'bob', 20951.659279630352, 2992, 6);
INSERT INTO public.uses VALUES ('programme', '', 2996.724904513933, 2992, 16);
INSERT INTO public.uses VALUES ('user', 'ada', 20952.396268376055, 2992, 10);
SELECT pg_catalog.setval('public.holdings_id_seq', 3, true);
SELECT pg_catalog.setval('public.lease_transitions_id_seq', 16, true);
ALTER TABLE ONLY public.brokers
    ADD CONSTRAINT brokers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (uuid);
ALTER TABLE ONLY public.holdings
    ADD CONSTRAINT holdings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lease_intents
    ADD CONSTRAINT lease_intents_pkey PRIMARY KEY (lease, epoch);
ALTER TABLE ONLY public.lease_transitions
    ADD CONSTRAINT lease_transitions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.uses
    ADD CONSTRAINT uses_pkey PRIMARY KEY (kind, name);
CREATE INDEX ended_leases_of_user ON public.leases USING btree ("user", ended_at);
CREATE INDEX ix_lease_transitions_lease ON public.lease_transitions USING btree (lease);
CREATE INDEX live_leases ON public.leases USING btree (id) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX one_live_lease_per_device ON public.holdings USING btree (device) WHERE (held_to IS NULL);
