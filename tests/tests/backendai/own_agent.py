"""An agent for Muster that is not Muster's: runs the command of an image as a process. own_agent.py NAME ADDRESS SEED_FILE"""
import asyncio, json, nats, os, signal, subprocess, sys, uuid
NAME, ADDRESS, SEED = sys.argv[1:4]
ME, HOST = f"muster.agt.{NAME}", {"scaling_group": "default", "slots": {"cpu": "2", "mem": "2000000000"}, "address": "127.0.0.1"}
running, known, over = {}, {}, set()

def start(order):
    key, image = order["container"], order["image"]
    if key in over:
        return {"failed": {"reason": "it was stopped before"}}
    if key not in running:
        known[key] = order
        words = {**os.environ, **image["environ"], **order["environ"], "BACKENDAI_SESSION_ID": order["session"]}
        log = open(f"{key}.log", "wb")
        running[key] = subprocess.Popen(image["command"], env=words, stdout=log, stderr=log, start_new_session=True)
    return {"running": {"host": "127.0.0.1", "service_ports": []}}

def end(key):
    if process := running.pop(key, None):
        os.killpg(process.pid, signal.SIGKILL)
    return process and process.wait()

def restart(order):
    return start(known[order["container"]]) if end(order["container"]) else {"failed": {"reason": "it is not there"}}

def stop(order):
    over.add(order["container"])
    return {"end": "stopped" if end(order["container"]) else "unknown", "usage": None, "logs": logs(order["container"])}

def logs(key):
    return open(f"{key}.log", errors="replace").read() if os.path.exists(f"{key}.log") else ""

async def answer(question):
    asked = json.loads(question.data)["container"]
    await question.respond(json.dumps({"done": {"logs": logs(asked)}} if asked in running else {"refused": None}).encode())

async def take(stream, message):
    order, kind = json.loads(message.data), message.subject.rsplit(".", 1)[1]
    done = {"start-container": start, "restart-container": restart, "stop-container": stop}[kind](order)
    fact, done = ("container-ended", done) if kind == "stop-container" else ("container-started", {"result": done})
    identity = str(uuid.uuid5(uuid.UUID(message.headers["Muster-Message-Id"]), fact))
    headers = {"Muster-Message-Id": identity, "Muster-Schema": f"session.{fact}/1"}
    said = {"order": order["order"], "container": order["container"], **done}
    await stream.publish(f"{ME}.report.{fact}", json.dumps(said).encode(), headers=headers)
    await message.ack()

async def main():
    broker = await nats.connect(f"nats://{ADDRESS}", nkeys_seed=SEED, inbox_prefix=f"_INBOX.agent.{NAME}".encode())
    await broker.subscribe(f"{ME}.ask.read-container-logs", cb=answer)
    orders = await broker.jetstream().pull_subscribe_bind(consumer=NAME, stream="MUSTER_AGENTS")
    while True:
        beat = {"instance": "own", "version": "own/1", "running": 0, "concurrency": 1, "containers": HOST}
        await broker.publish(f"{ME}.beat", json.dumps(beat).encode())
        try:
            [message] = await orders.fetch(1, timeout=1)
        except nats.errors.TimeoutError:
            continue
        await take(broker.jetstream(), message)

asyncio.run(main())
