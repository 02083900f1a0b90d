//! Code, run in real containers.

use muster_contract::agent::{CodeMode, CodeRefusal, CodeRunStatus, ExecuteCode};

use super::testing::{House, sh, text};

#[tokio::test]
async fn python_code_keeps_its_state_and_tells_what_it_does() {
    let house = House::new();
    let agent = house.agent().await;
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["python3", "{interpreter.py}"].map(str::to_owned).to_vec());
    agent.ports(&order).await;
    let container = order.container;
    let run = agent.query(container, "x = 41\nprint('h\u{e9}llo')").await;
    assert_eq!(
        (run.exit_code, text(&run, "stdout").as_str()),
        (Some(0), "h\u{e9}llo\n")
    );
    let code = "import os, sys\nprint(x + 1, flush=True)\nos.system('echo from a shell')\nsys.stderr.write('bad')";
    let run = agent.query(container, code).await;
    assert_eq!(text(&run, "stdout"), "42\nfrom a shell\n");
    assert_eq!(text(&run, "stderr"), "bad");
    let run = agent
        .query(container, "def f():\n  return 1 / 0\nf()")
        .await;
    assert_eq!(run.exit_code, Some(1));
    let trace = text(&run, "stderr");
    assert!(
        trace.contains("return 1 / 0") && trace.contains("ZeroDivisionError"),
        "{trace}"
    );
    assert!(!trace.contains("interpreter.py"), "{trace}");
    assert_eq!(
        agent
            .query(container, "raise SystemExit(3)")
            .await
            .exit_code,
        Some(3)
    );
    let run = agent
        .query(container, "name = input('who? ')\nprint(name, x)")
        .await;
    assert_eq!(
        (run.status, text(&run, "stdout").as_str()),
        (CodeRunStatus::WaitingInput, "who? ")
    );
    let other = CodeMode::Query {
        code: "1".to_owned(),
    };
    assert_eq!(
        agent.run(container, "other", other).await,
        Err(CodeRefusal::WrongRun)
    );
    let text_given = CodeMode::Input {
        text: "me".to_owned(),
    };
    let run = agent.run(container, "run", text_given).await.unwrap();
    assert_eq!(
        (run.status, text(&run, "stdout").as_str()),
        (CodeRunStatus::Finished, "me 41\n")
    );
    // It outlives the agent.
    agent.kill();
    let agent = house.agent().await;
    let run = agent.query(container, "print(x)").await;
    assert_eq!(text(&run, "stdout"), "41\n");
    // And is born again.
    let run = agent.query(container, "import os; os._exit(1)").await;
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );
    let run = agent.query(container, "print('x' in globals())").await;
    assert_eq!(text(&run, "stdout"), "False\n");
    agent.stop(container, true).await;
    assert!(agent.containers.processes.of(container).await.is_empty());
}

#[tokio::test]
async fn much_output_comes_in_pieces_and_endless_code_is_interrupted() {
    let house = House::new();
    let agent = house.agent().await;
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["python3", "{interpreter.py}"].map(str::to_owned).to_vec());
    agent.ports(&order).await;
    let container = order.container;
    let run = agent.query(container, "print('\u{20ac}' * 700_000)").await;
    let written = text(&run, "stdout");
    assert_eq!(
        written
            .chars()
            .filter(|letter| *letter == '\u{20ac}')
            .count(),
        700_000
    );
    let ask = async |mode: CodeMode| {
        let run = "endless".to_owned();
        let asked = ExecuteCode {
            container,
            run,
            mode,
        };
        agent.containers.execute(&asked).await.unwrap()
    };
    let code = "import time\nprint('on', flush=True)\nwhile True: time.sleep(0.01)".to_owned();
    let run = ask(CodeMode::Query { code }).await;
    assert_eq!(
        (run.status, text(&run, "stdout").as_str()),
        (CodeRunStatus::Continued, "on\n")
    );
    assert_eq!(
        ask(CodeMode::Interrupt).await.status,
        CodeRunStatus::Continued
    );
    let run = agent
        .run(container, "endless", CodeMode::Continue)
        .await
        .unwrap();
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );
    assert!(text(&run, "stderr").contains("KeyboardInterrupt"));
    // At rest there is nothing to interrupt.
    assert_eq!(
        ask(CodeMode::Interrupt).await.status,
        CodeRunStatus::Finished
    );
    assert_eq!(agent.query(container, "1").await.exit_code, Some(0));
}

#[tokio::test]
async fn code_may_be_a_program_of_its_own_for_each_run() {
    let house = House::new();
    let agent = house.agent().await;
    let mut order = sh("sleep 600");
    order.image.interpreter = Some(["sh", "-c", "{code}"].map(str::to_owned).to_vec());
    agent.ports(&order).await;
    let container = order.container;
    let run = agent
        .query(container, "echo one; echo two >&2; touch file; exit 3")
        .await;
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(3))
    );
    assert_eq!(
        (text(&run, "stdout").as_str(), text(&run, "stderr").as_str()),
        ("one\n", "two\n")
    );
    assert!(house.scratch(&order, "file").exists());
    let ask = async |mode: CodeMode| {
        let run = "run".to_owned();
        let asked = ExecuteCode {
            container,
            run,
            mode,
        };
        agent.containers.execute(&asked).await.unwrap()
    };
    let code = "read line; echo got $line; sleep 600".to_owned();
    assert_eq!(
        ask(CodeMode::Query { code }).await.status,
        CodeRunStatus::Continued
    );
    let run = ask(CodeMode::Input {
        text: "it".to_owned(),
    })
    .await;
    assert_eq!(text(&run, "stdout"), "got it\n");
    ask(CodeMode::Interrupt).await;
    let run = agent
        .run(container, "run", CodeMode::Continue)
        .await
        .unwrap();
    assert_eq!(
        (run.status, run.exit_code),
        (CodeRunStatus::Finished, Some(130))
    );
    // What a run leaves behind ends with the container.
    let before = agent.containers.processes.of(container).await.len();
    agent
        .query(container, "setsid sleep 600 >/dev/null 2>&1 &")
        .await;
    let left = agent.containers.processes.of(container).await.len();
    assert_eq!(left, before + 1);
    agent.stop(container, true).await;
    assert!(agent.containers.processes.of(container).await.is_empty());
    let asked = ExecuteCode {
        container,
        run: "run".to_owned(),
        mode: CodeMode::Continue,
    };
    assert_eq!(
        agent.containers.execute(&asked).await,
        Err(CodeRefusal::UnknownContainer)
    );
}

#[tokio::test]
async fn an_image_without_an_interpreter_runs_no_code() {
    let (house, order) = (House::new(), sh("sleep 600"));
    let agent = house.agent().await;
    agent.ports(&order).await;
    let query = CodeMode::Query {
        code: String::new(),
    };
    let refused = agent.run(order.container, "run", query).await;
    assert_eq!(refused, Err(CodeRefusal::NoInterpreter));
}
