//! What producers publish of jobs and nodes: `InfluxDB` line protocol whose string field `event` is the JSON body of the REST
//! call that says the same (`api/clustercockpit.md` §1.10). Other tags and fields mean nothing, nor does the time stamp of a job.

use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines, split_lines};

/// Lines of one message, at most: some hundred jobs of an array start at once.
pub(crate) const LINE_LIMIT: usize = 1_000;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A job has started.
    Start,
    /// A job has stopped.
    Stop,
    /// These are the states of nodes.
    NodeStates,
}

/// A line, and what it tells or why it tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// As it came.
    pub(crate) text: &'a str,
    /// The event, or why it is none.
    pub(crate) event: Result<Event, String>,
}

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// What kind of thing.
    pub(crate) kind: EventKind,
    /// The JSON body of the REST call that says the same.
    pub(crate) body: String,
    /// When it was so: nanoseconds since 1970 UTC.
    pub(crate) time: Option<i64>,
}

/// The lines of a message; comments and empty lines are none. An error is about the message as a whole.
pub(crate) fn read(message: &[u8]) -> Result<Vec<Line<'_>>, String> {
    let text = std::str::from_utf8(message)
        .map_err(|error| format!("the message is no UTF-8 text: {error}"))?;
    let lines: Vec<&str> = split_lines(text)
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Err("the message has no lines".to_owned());
    }
    if lines.len() > LINE_LIMIT {
        return Err(format!(
            "the message has {} lines and may have {LINE_LIMIT}",
            lines.len()
        ));
    }
    Ok(lines
        .into_iter()
        .map(|text| Line {
            text,
            event: event_of(text),
        })
        .collect())
}

fn event_of(line: &str) -> Result<Event, String> {
    let parsed = match parse_lines(line).next() {
        Some(Ok(parsed)) => parsed,
        Some(Err(error)) => return Err(format!("no line protocol: {error}")),
        None => return Err("no line protocol".to_owned()),
    };
    let kind = kind_of(&parsed)?;
    let event = parsed.field_set.iter().find(|(name, _)| *name == "event");
    match event {
        Some((_, FieldValue::String(event))) => Ok(Event {
            kind,
            body: event.as_str().to_owned(),
            time: parsed.timestamp,
        }),
        Some(_) => Err("the field \"event\" is no string".to_owned()),
        None => Err("there is no field \"event\"".to_owned()),
    }
}

fn kind_of(line: &ParsedLine<'_>) -> Result<EventKind, String> {
    let measurement = line.series.measurement.as_str();
    match measurement {
        "nodestate" => return Ok(EventKind::NodeStates),
        "job" => {}
        other => {
            return Err(format!(
                "the measurement is {other:?} and has to be \"job\" or \"nodestate\""
            ));
        }
    }
    let mut tags = line.series.tag_set.iter().flatten();
    let function = tags.find(|(name, _)| *name == "function");
    match function.map(|(_, function)| function.as_str()) {
        Some("start_job") => Ok(EventKind::Start),
        Some("stop_job") => Ok(EventKind::Stop),
        Some(other) => Err(format!(
            "the tag \"function\" is {other:?} and has to be \"start_job\" or \"stop_job\""
        )),
        None => Err("there is no tag \"function\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn only(message: &str) -> Result<(EventKind, String), String> {
        let lines = read(message.as_bytes()).unwrap();
        assert_eq!(lines.len(), 1, "{message}");
        let event = lines[0].event.clone();
        event.map(|event| (event.kind, event.body))
    }

    /// As producers write it: of the text in a field only quotes and backslashes are escaped.
    fn line(function: &str, body: &str) -> String {
        let body = body.replace('\\', "\\\\").replace('"', "\\\"");
        format!(
            "job,function={function},hostname=slurm1,type=node,type-id=0 event=\"{body}\" 1700000000000000000\n"
        )
    }

    #[test]
    fn what_cc_slurm_adapter_publishes_is_read() {
        let body = r##"{"jobId":7,"metaData":{"jobScript":"#!/bin/bash\necho \"a b, c=d\"\n"}}"##;
        let read = only(&line("start_job", body)).unwrap();
        assert_eq!(read, (EventKind::Start, body.to_owned()));
        let read = only(&line("stop_job,partition=main", body)).unwrap();
        assert_eq!(read, (EventKind::Stop, body.to_owned()));
        let read = only("nodestate event=\"{}\"").unwrap();
        assert_eq!(read, (EventKind::NodeStates, "{}".to_owned()));
    }

    #[test]
    fn one_bad_line_does_not_spoil_the_others() {
        let message = format!(
            "# a comment\n\n{}job,function=start_job\n{}",
            line("start_job", "{}"),
            line("stop_job", "{}")
        );
        let lines = read(message.as_bytes()).unwrap();
        let good: Vec<bool> = lines.iter().map(|line| line.event.is_ok()).collect();
        assert_eq!(good, [true, false, true]);
        assert_eq!(lines[1].text, "job,function=start_job");
    }

    #[test]
    fn what_is_no_event_says_why() {
        for (message, reason) in [
            ("cpu_load,hostname=a value=1", "measurement is \"cpu_load\""),
            ("job event=\"{}\"", "no tag \"function\""),
            ("job,function=requeue event=\"{}\"", "\"requeue\""),
            ("job,function=start_job value=\"{}\"", "no field \"event\""),
            ("job,function=start_job event=1", "is no string"),
            ("job,function=start_job event=\"{}", "no line protocol"),
            ("{\"jobId\": 7}", "no line protocol"),
        ] {
            let error = only(message).unwrap_err();
            assert!(error.contains(reason), "{message}: {error}");
        }
        for message in [&b""[..], b"\n# nothing\n", b"\xff\xfe"] {
            assert!(read(message).is_err());
        }
    }

    #[test]
    fn a_message_has_so_many_lines_and_no_more() {
        let message = line("stop_job", "{}").repeat(LINE_LIMIT);
        assert_eq!(read(message.as_bytes()).unwrap().len(), LINE_LIMIT);
        let message = format!("{message}x y=1");
        assert!(read(message.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_body_comes_through(body in "[^\\x00]*") {
            // A line ends at a line break outside of a text only.
            let read = only(&line("start_job", &body));
            prop_assert_eq!(read, Ok((EventKind::Start, body)));
        }

        #[test]
        fn nothing_makes_it_panic(message in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&message);
        }
    }
}
