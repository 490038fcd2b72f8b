"""An application that logs to the journal by its native protocol, with fields and messages of several lines: python3 journal.py COUNT."""
import random, socket, struct, sys, time, traceback

rng, out = random.Random(3), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def send(**fields):
    data = b''
    for key, value in fields.items():
        value = str(value).encode()
        data += key.encode() + (b'\n' + struct.pack('<Q', len(value)) + value if b'\n' in value else b'=' + value) + b'\n'
    out.sendto(data, '/run/systemd/journal/socket')
for i in range(int(sys.argv[1])):
    job = rng.randint(1, 400)
    try:
        [lambda: {}[f'job-{job}'], lambda: int(f'{job}x'), lambda: open(f'/srv/app/jobs/{job}.json'), lambda: job][rng.randint(0, 3)]()
        send(MESSAGE=f'job {job} finished in {rng.expovariate(.01):.2f} ms', PRIORITY=6, SYSLOG_IDENTIFIER='jobs', CODE_FILE='journal.py', CODE_LINE=15, JOB=job)
    except Exception:
        send(MESSAGE=f'job {job} failed\n' + traceback.format_exc().rstrip(), PRIORITY=3, SYSLOG_IDENTIFIER='jobs', CODE_FILE='journal.py', CODE_LINE=17, JOB=job)
    time.sleep(rng.expovariate(8))
