-- The database of the service, PostgreSQL, as commit ec67cb3 made it, with what a trainer, an admin and two kernels leave behind.
CREATE TABLE public.keeps (
    "user" character varying(255) NOT NULL,
    server character varying(255) NOT NULL,
    started timestamp with time zone NOT NULL,
    count integer NOT NULL,
    until timestamp with time zone NOT NULL
);
CREATE TABLE public.workshop_events (
    number integer NOT NULL,
    workshop character varying(32) NOT NULL,
    at timestamp with time zone NOT NULL,
    who character varying(255) NOT NULL,
    what character varying(32) NOT NULL
);
CREATE SEQUENCE public.workshop_events_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.workshop_events_number_seq OWNED BY public.workshop_events.number;
CREATE TABLE public.workshops (
    id character varying(32) NOT NULL,
    state character varying(16) NOT NULL,
    record json NOT NULL,
    version integer NOT NULL
);
ALTER TABLE ONLY public.workshop_events ALTER COLUMN number SET DEFAULT nextval('public.workshop_events_number_seq'::regclass);
INSERT INTO public.keeps VALUES ('ada', '', '2026-11-26 14:00:00+00', 1, '2026-11-26 16:00:00+00');
INSERT INTO public.keeps VALUES ('bob', 'long', '2026-11-26 14:00:00+00', 1, '2026-11-26 16:00:00+00');
INSERT INTO public.workshop_events VALUES (1, 'gpus-for-beginners', '2026-11-26 17:17:33.265885+00', 'trainer', 'written');
INSERT INTO public.workshop_events VALUES (2, 'gpus-for-beginners', '2026-11-26 17:17:33.275154+00', 'admin', 'written');
INSERT INTO public.workshop_events VALUES (3, 'gpus-for-beginners', '2026-11-26 17:17:33.280854+00', 'admin', 'published');
INSERT INTO public.workshop_events VALUES (4, 'draft', '2026-11-26 17:17:33.286137+00', 'trainer', 'written');
INSERT INTO public.workshop_events VALUES (5, 'gone', '2026-11-26 17:17:33.290511+00', 'trainer', 'written');
INSERT INTO public.workshop_events VALUES (6, 'gone', '2026-11-26 17:17:33.295562+00', 'trainer', 'removed');
INSERT INTO public.workshops VALUES ('gpus-for-beginners', 'published', '{"id": "gpus-for-beginners", "title": {"en": "GPUs for beginners", "nl": "GPU''s voor beginners"}, "starts": "2027-03-28 01:30+00:00", "ends": "2027-03-28 04:00+00:00", "place": "Zaal <3>", "programme": null, "trainers": ["trainer"], "learners": ["ada", "bob"], "seats": 8, "profile": "small", "gpus": {"gpu_class": "h200", "devices": "enough"}, "lessons": ["S1"], "timetable": null, "retention": "30d"}', 3);
INSERT INTO public.workshops VALUES ('draft', 'draft', '{"id": "draft", "title": {"en": "GPUs for beginners", "nl": "GPU''s voor beginners"}, "starts": "2027-03-28 01:30+00:00", "ends": "2027-03-28 04:00+00:00", "place": "", "programme": null, "trainers": ["trainer"], "learners": [], "seats": 5, "profile": "small", "gpus": null, "lessons": ["S1"], "timetable": null, "retention": "30d"}', 1);
SELECT pg_catalog.setval('public.workshop_events_number_seq', 6, true);
ALTER TABLE ONLY public.keeps
    ADD CONSTRAINT keeps_pkey PRIMARY KEY ("user", server);
ALTER TABLE ONLY public.workshop_events
    ADD CONSTRAINT workshop_events_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.workshops
    ADD CONSTRAINT workshops_pkey PRIMARY KEY (id);
CREATE INDEX ix_workshop_events_workshop ON public.workshop_events USING btree (workshop);
