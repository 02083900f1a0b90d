-- For commands whose outcome comes later, and for reactions. Nothing in them forbids a second effect either.
CREATE TABLE begun (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    command_id TEXT NOT NULL,
    done BOOLEAN NOT NULL
);

CREATE TABLE seen (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL
);
