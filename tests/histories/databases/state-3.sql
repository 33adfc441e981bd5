BEGIN TRANSACTION;
CREATE TABLE answers (
        reply_id TEXT PRIMARY KEY,
        recipient TEXT NOT NULL,           -- a hash, never the address
        day TEXT NOT NULL,                 -- YYYY-MM-DD
        granted INTEGER NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "answers" VALUES('mail-00000000000000000000000001','438c4c7afe600cdf1e455c369bec76dc970fc8ca463447c7b387a347f3c79331','2026-11-24',1);
CREATE TABLE events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        event BLOB NOT NULL,               -- the CloudEvent in structured JSON
        state TEXT NOT NULL,               -- pending, delivered, dead
        published_at REAL NOT NULL,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        UNIQUE (source, id)
    );
INSERT INTO "events" VALUES(1,'/mail_ingest','submission.accepted.v1:mail-00000000000000000000000001','org.mail-ingest.submission.accepted.v1',X'7B226964223A227375626D697373696F6E2E61636365707465642E76313A6D61696C2D3030303030303030303030303030303030303030303030303031222C22736F75726365223A222F6D61696C5F696E67657374222C2274797065223A226F72672E6D61696C2D696E676573742E7375626D697373696F6E2E61636365707465642E7631222C227375626A656374223A227375626D697373696F6E732F6D61696C2D3030303030303030303030303030303030303030303030303031222C2274696D65223A22323032362D31312D32345431323A30303A30302E3030305A222C2264617461223A7B226D65646961223A312C22736F75726365223A226D61696C227D2C227370656376657273696F6E223A22312E30222C2264617461636F6E74656E7474797065223A226170706C69636174696F6E2F6A736F6E222C227472616365706172656E74223A6E756C6C7D','pending',1795521600.0,1795521600.0,0);
CREATE TABLE filed (
        category TEXT NOT NULL,
        received_at TEXT NOT NULL,         -- the submission's, so that a page is read in order
        submission_id TEXT NOT NULL,
        PRIMARY KEY (category, received_at, submission_id)
    ) WITHOUT ROWID;
INSERT INTO "filed" VALUES('medtop:15000000','2026-11-24T09:59:00.000Z','mail-00000000000000000000000001');
CREATE TABLE intakes (
        submission_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,               -- the process
        number INTEGER NOT NULL,           -- of the attempt
        begun_at REAL NOT NULL,
        until REAL NOT NULL,               -- when it has run out; 0: it is over
        settled INTEGER NOT NULL DEFAULT 0 -- nothing is left to be done
    ) WITHOUT ROWID;
INSERT INTO "intakes" VALUES('mail-00000000000000000000000001','ac4c340ddb394dcaa62f0969caf9e3f1',1,1795521600.0,1795521620.0,0);
CREATE TABLE jobs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL UNIQUE,
        job BLOB NOT NULL,                 -- the DescriptionJob in JSON
        priority INTEGER NOT NULL,         -- 0 photos, 1 videos, 2 nobody waits
        created_at REAL NOT NULL,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        kills INTEGER NOT NULL DEFAULT 0
    );
INSERT INTO "jobs" VALUES(1,'mail-00000000000000000000000001:1',X'7B226A6F625F6964223A226D61696C2D30303030303030303030303030303030303030303030303030313A31222C226B696E64223A2270686F746F222C22626C6F62223A227375626D697373696F6E732F6D61696C2D30303030303030303030303030303030303030303030303030312F6D656469612F312F6361742E6A7067222C2266696C655F6E616D65223A226361742E6A7067222C226D656469615F74797065223A22696D6167652F6A706567222C2273697A65223A313030302C22736861323536223A2261623132222C227472616365706172656E74223A22227D',0,1795521600.0,1795521600.0,0,0);
CREATE TABLE ledger (
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (name, key)
    ) WITHOUT ROWID;
INSERT INTO "ledger" VALUES('sent-replies','a key',X'612076616C7565',1795521600.0);
CREATE TABLE queue (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id TEXT NOT NULL UNIQUE,
        body BLOB NOT NULL,
        properties TEXT NOT NULL,
        state TEXT NOT NULL,               -- waiting, done, dead
        enqueued_at REAL NOT NULL,
        due_at REAL NOT NULL,              -- from when on it may be delivered; the end of its lock
        delivery_count INTEGER NOT NULL DEFAULT 0,
        lock_token TEXT NOT NULL DEFAULT '',
        finished_at REAL,
        reason TEXT NOT NULL DEFAULT '',
        description TEXT NOT NULL DEFAULT ''
    );
INSERT INTO "queue" VALUES(1,'mail-00000000000000000000000001',X'7B227375626D697373696F6E5F6964223A226D61696C2D3030303030303030303030303030303030303030303030303031222C22736368656D61223A227375626D697373696F6E2D7175657565642F31227D','{}','waiting',1795521600.0,1795521600.0,0,'',NULL,'','');
CREATE TABLE submissions (
        submission_id TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        received_at TEXT NOT NULL,         -- RFC 3339
        state TEXT NOT NULL,
        rank INTEGER NOT NULL,             -- the order of the states
        outcome TEXT NOT NULL,
        media INTEGER NOT NULL,
        escalated TEXT NOT NULL,           -- a JSON array of media numbers
        reason TEXT NOT NULL,
        updated_at TEXT NOT NULL           -- RFC 3339
    , categories TEXT NOT NULL DEFAULT 'null') WITHOUT ROWID;
INSERT INTO "submissions" VALUES('mail-00000000000000000000000001','mail','2026-11-24T09:59:00.000Z','done',4,'partly',2,'[2]','No description came in time, so a person will look at it.','2026-11-24T12:00:00.000Z','["medtop:15000000"]');
CREATE INDEX queue_due ON queue (due_at, sequence) WHERE state = 'waiting';
CREATE INDEX queue_finished ON queue (state, finished_at) WHERE state != 'waiting';
CREATE INDEX events_due ON events (type, due_at, sequence) WHERE state = 'pending';
CREATE INDEX events_published ON events (published_at);
CREATE INDEX events_dead ON events (sequence) WHERE state = 'dead';
CREATE INDEX submissions_received ON submissions (received_at, submission_id);
CREATE INDEX submissions_state ON submissions (state, received_at, submission_id);
CREATE INDEX submissions_escalated ON submissions (received_at, submission_id)
        WHERE escalated != '[]';
CREATE INDEX answers_day ON answers (day, recipient);
CREATE INDEX jobs_next ON jobs (priority, sequence);
CREATE INDEX jobs_due ON jobs (due_at);
CREATE INDEX ledger_at ON ledger (name, at);
CREATE INDEX filed_submission ON filed (submission_id);
CREATE INDEX intakes_cut_off ON intakes (until) WHERE settled = 0;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('queue',1);
INSERT INTO "sqlite_sequence" VALUES('events',1);
INSERT INTO "sqlite_sequence" VALUES('jobs',1);
COMMIT;
PRAGMA user_version = 3;
