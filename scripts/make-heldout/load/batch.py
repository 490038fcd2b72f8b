"""A batch job with Python's logging, progress bars, colours and tracebacks: python3 batch.py REDISPORT SECONDS."""
import json, logging, random, socket, sys, time, warnings

port, end, rng = int(sys.argv[1]), time.monotonic() + float(sys.argv[2]), random.Random(7)
logging.basicConfig(level=logging.DEBUG, format='%(asctime)s,%(threadName)s \x1b[3%(levelno)sm%(levelname)-8s\x1b[0m %(name)s:%(lineno)d | %(message)s', stream=sys.stdout)
warnings.simplefilter('always'); log = logging.getLogger('batch')
def redis(*words):
    s = socket.create_connection(('127.0.0.1', port), 2)
    s.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(str(w)), str(w).encode()) for w in words))
    answer = s.recv(4096); s.close()
    if answer[:1] == b'-': raise RuntimeError(answer.decode().strip())
    return answer
def parse(row):
    fields = row.split(';'); return {'id': int(fields[0]), 'amount': float(fields[1]), 'when': time.strptime(fields[2], '%Y-%m-%d'), 'tag': fields[3]}
n = 0
while time.monotonic() < end:
    n += 1; rows = [f'{rng.randint(1, 10**7)};{rng.choice(["12.50", "7,90", "", str(rng.random() * 1000)[:7]])};2025-{rng.randint(1, 13):02d}-{rng.randint(1, 30)};{rng.choice("abcdefg")}' + (';x' if rng.random() < .1 else '') for _ in range(rng.randint(3, 18))]
    log.info('batch %d: %d rows from /data/in/part-%05d.csv', n, len(rows), rng.randint(0, 99999))
    good = 0
    for row in rows:
        try: redis('LPUSH', f'rows:{rng.choice("abc")}', json.dumps(parse(row)['id'] and {'row': row, 'pad': 'p' * rng.randint(1, 2000)})); good += 1
        except ValueError:
            if rng.random() < .25: log.exception('row %r was refused', row)
            else: log.warning('row %r was refused', row)
        except (OSError, RuntimeError) as e: log.error('cache: %s', e)
        if rng.random() < .05: print(f'\r[{"#" * (good % 30):<30}] {100 * good // len(rows)}%', end='\r\n')
    try: redis(rng.choice(['GET', 'LLEN', 'INCR', 'HGET']), f'rows:{rng.choice("abcd")}')
    except (OSError, RuntimeError): log.exception('cache answered with an error')
    if rng.random() < .1: warnings.warn(f'part {n} has no header', DeprecationWarning)
    log.debug('batch %d done: %d good, %d bad, %.3f s', n, good, len(rows) - good, rng.random()); time.sleep(rng.expovariate(12))
