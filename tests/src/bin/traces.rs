//! Shows traces in a terminal (`just traces`): receives them by OTLP and prints each as a tree. For trying things
//! out without Grafana; it keeps nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Result;
use muster_testkit::{OtlpReceiver, ReceivedSpan};

/// How often arrived spans are looked at.
const LOOK: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> Result<()> {
    let receiver = OtlpReceiver::start()?;
    println!("Traces are shown here. In another terminal:\n");
    println!(
        "  MUSTER__TELEMETRY__OTLP_ENDPOINT={} deploy/up\n",
        receiver.endpoint()
    );
    // A trace is printed when nothing of it has come for one look.
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown = BTreeSet::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let mut traces: BTreeMap<String, Vec<ReceivedSpan>> = BTreeMap::new();
        for span in receiver.spans() {
            traces.entry(span.trace_id.clone()).or_default().push(span);
        }
        for (id, spans) in traces {
            let complete = sizes.insert(id.clone(), spans.len()) == Some(spans.len());
            if complete && shown.insert(id.clone()) {
                print(&id, spans);
            }
        }
    }
}

fn print(id: &str, mut spans: Vec<ReceivedSpan>) {
    spans.sort_by_key(|span| span.start_nanoseconds);
    println!("trace {id}");
    let known: BTreeSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let first = spans.first().map_or(0, |span| span.start_nanoseconds);
    for span in &spans {
        let parent = span.parent_span_id.as_deref();
        if parent.is_none_or(|parent| !known.contains(parent)) {
            branch(&spans, span, 1, first);
        }
    }
    println!();
}

fn branch(spans: &[ReceivedSpan], span: &ReceivedSpan, depth: usize, first: u64) {
    let milliseconds = |nanoseconds: u64| Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3;
    println!(
        "{:7.2} ms  {:indent$}{} [{}] {:.2} ms",
        milliseconds(span.start_nanoseconds.saturating_sub(first)),
        "",
        span.name,
        span.kind,
        milliseconds(span.end_nanoseconds.saturating_sub(span.start_nanoseconds)),
        indent = depth * 2,
    );
    let children = spans
        .iter()
        .filter(|child| child.parent_span_id.as_deref() == Some(span.span_id.as_str()));
    for child in children {
        branch(spans, child, depth + 1, first);
    }
}
