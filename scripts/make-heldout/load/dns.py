"""DNS questions on loopback: python3 dns.py PORT SECONDS SEED."""
import random, select, socket, struct, sys, time

port, seconds, rng = int(sys.argv[1]), float(sys.argv[2]), random.Random(int(sys.argv[3]))
W = 'amber basil birch brook cedar cloud coral crane delta ember fable fern flint frost glade grove harbor hazel heron iris juniper kelp lagoon maple oak pearl quartz river sage slate storm topaz willow'.split()
def w(): return W[min(int(rng.expovariate(1 / 9)), len(W) - 1)]
def name():
    r = rng.random()
    if r < .35: return f'host{min(250, 1 + int(rng.expovariate(1 / 60)))}.example.com'
    if r < .55: return f'{rng.choice(["www", "mail", "shop", "api", "cdn", "ldap", "git", "ci", "wpad", "autodiscover"])}.example.{rng.choice(["com", "com", "net"])}'
    if r < .63: return f'{w()}-{rng.randint(1, 400)}.dev.example.com'
    if r < .73: return f'{rng.randint(0, 255)}.30.0.10.in-addr.arpa'
    if r < .80: return f'_{rng.choice(["ldap", "kerberos", "sip", "xmpp-client"])}._{rng.choice(["tcp", "udp"])}.example.com'
    if r < .88: return f'{w()}.{w()}.{rng.choice(["org", "io", "de", "co.uk", "info"])}'
    if r < .93: return f'{rng.getrandbits(72):018x}.cdn.{w()}{w()}.{rng.choice(["org", "io"])}'
    return f'{rng.getrandbits(80):020x}.t.example.net'
clients = []
for i in range(60):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((f'127.{rng.choice([0, 0, 1, 3, 9, 77])}.{rng.randint(0, 20)}.{rng.randint(2, 250)}', 0)); s.connect(('127.0.0.1', port)); clients.append(s)
end = time.monotonic() + seconds
while time.monotonic() < end:
    s = clients[min(int(rng.expovariate(1 / 14)), 59)]
    if rng.random() < .05:                                  # a new port, as resolvers do
        i = clients.index(s); a = s.getsockname()[0]; s.close(); s = clients[i] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((a, 0)); s.connect(('127.0.0.1', port))
    n = name()
    q = 12 if n.endswith('arpa') else 33 if n.startswith('_') else rng.choices([1, 28, 15, 16, 65, 2, 6, 255, 48], [55, 22, 4, 5, 8, 2, 2, 1, 1])[0]
    for _ in range(2 if q == 1 and rng.random() < .3 else 1):
        flags, extra = (0x0100 if rng.random() < .9 else 0), b''
        if rng.random() < .6: extra = b'\0\0\x29' + struct.pack('>HIH', rng.choice([512, 1232, 4096]), 0x8000 if rng.random() < .3 else 0, 0)
        if rng.random() < .3: n = ''.join(c.upper() if rng.random() < .5 else c for c in n)
        packet = struct.pack('>HHHHHH', rng.getrandbits(16), flags, 1, 0, 0, 1 if extra else 0) + b''.join(bytes([len(l)]) + l.encode() for l in n.split('.')) + b'\0' + struct.pack('>HH', q, 1 if rng.random() < .995 else 3) + extra
        try: s.send(packet if rng.random() < .998 else packet[:-5])
        except OSError: pass
        q = 28
    for r in select.select(clients, [], [], 0)[0]:
        try: r.recv(4096)
        except OSError: pass
    time.sleep(rng.expovariate(260) if rng.random() < .98 else rng.expovariate(4))
