-- The tables of the test service. Nothing in them forbids a second effect: a test would not see it otherwise.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    command_id TEXT NOT NULL
);

CREATE INDEX notes_name ON notes (name);

-- For a command that breaks a constraint.
CREATE TABLE singles (
    name TEXT NOT NULL PRIMARY KEY
);
