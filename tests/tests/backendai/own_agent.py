"""An agent for Muster that is not Muster's: runs the command of an image as a process. own_agent.py NAME ADDRESS SEED_FILE"""

import asyncio, json, os, signal, subprocess, sys, uuid
import nats

NAME, ADDRESS, SEED = sys.argv[1:4]
ME = f"muster.agt.{NAME}"
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
    process = running.pop(key, None)
    if process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process


def restart(order):
    was_there = end(order["container"])
    return start(known[order["container"]]) if was_there else {"failed": {"reason": "it is not there"}}


def stop(order):
    over.add(order["container"])
    found = "stopped" if end(order["container"]) else "unknown"
    return {"end": found, "usage": None, "logs": logs(order["container"])}


def logs(key):
    return open(f"{key}.log", errors="replace").read() if os.path.exists(f"{key}.log") else ""


async def main():
    broker = await nats.connect(f"nats://{ADDRESS}", nkeys_seed=SEED, inbox_prefix=f"_INBOX.agent.{NAME}".encode())
    stream = broker.jetstream()

    async def beat():
        host = {"scaling_group": "default", "slots": {"cpu": "2", "mem": "2000000000"}, "address": "127.0.0.1"}
        while True:
            words = {"instance": "own", "version": "own/1", "running": 0, "concurrency": 1, "containers": host}
            await broker.publish(f"{ME}.beat", json.dumps(words).encode())
            await asyncio.sleep(1)

    async def answer(question):
        asked = json.loads(question.data)
        found = {"done": {"logs": logs(asked["container"])}} if asked["container"] in running else {"refused": None}
        await question.respond(json.dumps(found).encode())

    await broker.subscribe(f"{ME}.ask.read-container-logs", cb=answer)
    beating = asyncio.create_task(beat())
    orders = await stream.pull_subscribe_bind(consumer=NAME, stream="MUSTER_AGENTS")
    print("ready", flush=True)
    while not beating.done():
        try:
            [message] = await orders.fetch(1, timeout=20)
        except nats.errors.TimeoutError:
            continue
        order, kind = json.loads(message.data), message.subject.rsplit(".", 1)[1]
        said = {"order": order["order"], "container": order["container"]}
        if kind == "stop-container":
            fact, said = "container-ended", {**said, **stop(order)}
        else:
            fact, said = "container-started", {**said, "result": {"start-container": start, "restart-container": restart}[kind](order)}
        identity = str(uuid.uuid5(uuid.UUID(message.headers["Muster-Message-Id"]), fact))
        headers = {"Muster-Message-Id": identity, "Muster-Schema": f"session.{fact}/1"}
        await stream.publish(f"{ME}.report.{fact}", json.dumps(said).encode(), headers=headers)
        await message.ack()


asyncio.run(main())
