-- A client that waited for nodes and went away is known by its command.
CREATE INDEX pending_request_command ON pending_request (command) WHERE command IS NOT NULL;
